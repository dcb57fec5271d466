import type { Inventory } from './inventory.ts';

/** Who is in whom, and how deep: the deeper group wins. */
export class GroupTree {
  readonly #inventory: Inventory;
  readonly #parents = new Map<string, Set<string>>();
  readonly #ancestors = new Map<string, ReadonlySet<string>>();
  readonly #depths = new Map<string, number>();
  readonly #groupsOfHost = new Map<string, readonly string[]>();

  constructor(inventory: Inventory) {
    this.#inventory = inventory;
    for (const group of inventory.groups.values()) {
      for (const child of group.children) {
        this.#parents.set(child, (this.#parents.get(child) ?? new Set()).add(group.name));
      }
    }
    const direct = new Map<string, Set<string>>();
    for (const group of inventory.groups.values()) {
      for (const host of group.hosts) direct.set(host, (direct.get(host) ?? new Set()).add(group.name));
    }
    for (const host of inventory.hosts.keys()) {
      const groups = new Set(['all']);
      for (const group of direct.get(host) ?? []) {
        groups.add(group);
        for (const ancestor of this.ancestors(group)) groups.add(ancestor);
      }
      this.#groupsOfHost.set(
        host,
        [...groups].sort((a, b) => this.depth(b) - this.depth(a)),
      );
    }
  }

  /** Groups that hold this host, the deepest first; `all` is the last. */
  groupsOf(host: string): readonly string[] {
    return this.#groupsOfHost.get(host) ?? ['all'];
  }

  /** Hosts of a group and of all groups below it, in the order of the inventory. */
  members(group: string): readonly string[] {
    return [...this.#inventory.hosts.keys()].filter((host) => this.groupsOf(host).includes(group));
  }

  /** All groups above a group; `all` is above every other. */
  ancestors(group: string): ReadonlySet<string> {
    const known = this.#ancestors.get(group);
    if (known) return known;
    const found = new Set<string>(group === 'all' ? [] : ['all']);
    for (const parent of this.#parents.get(group) ?? []) {
      found.add(parent);
      for (const ancestor of this.ancestors(parent)) found.add(ancestor);
    }
    this.#ancestors.set(group, found);
    return found;
  }

  /** True for the group itself, the groups above it and those below it. */
  related(a: string, b: string): boolean {
    return a === b || this.ancestors(a).has(b) || this.ancestors(b).has(a);
  }

  /** Length of the longest way from `all`, as in Ansible. */
  depth(group: string): number {
    const known = this.#depths.get(group);
    if (known !== undefined) return known;
    const above = [...(this.#parents.get(group) ?? [])].map((parent) => this.depth(parent));
    const depth = group === 'all' ? 0 : 1 + Math.max(0, ...above);
    this.#depths.set(group, depth);
    return depth;
  }
}
