import type { Problem } from '../core/errors.ts';
import { formatLocation, type SourceLocation } from '../core/source.ts';
import { didYouMean } from '../core/suggest.ts';
import { readIpAddress } from '../core/fields/ip-address.ts';
import { isSettingName, type InventoryGroup, type InventoryHost } from './inventory.ts';
import { describeNode, plainValue, type YamlEntry, type YamlMap, type YamlNode } from './yaml-node.ts';

export interface Groups {
  readonly groups: ReadonlyMap<string, InventoryGroup>;
  readonly hosts: ReadonlyMap<string, InventoryHost>;
}

/** The groups and hosts of an inventory in Ansible's shape; everything that is wrong with them goes into `problems`. */
export function readGroups(root: YamlMap, problems: Problem[]): Groups {
  const reader = new GroupReader(problems);
  reader.readRoot(root);
  reader.refuseCircles();
  return reader;
}

interface GroupDraft extends InventoryGroup {
  path: readonly string[];
  readonly hosts: Set<string>;
  readonly children: Set<string>;
  readonly vars: Map<string, YamlEntry>;
}

interface HostDraft extends InventoryHost {
  readonly settings: Map<string, YamlEntry>;
  readonly vars: Map<string, YamlEntry>;
}

class GroupReader implements Groups {
  readonly groups = new Map<string, GroupDraft>();
  readonly hosts = new Map<string, HostDraft>();
  readonly #problems: Problem[];

  constructor(problems: Problem[]) {
    this.#problems = problems;
  }

  readRoot(root: YamlMap): void {
    this.#group('all', root.at, ['all']);
    for (const [name, entry] of root.entries) {
      if (name === 'playbook' || name === 'age_identity') continue;
      if (groupKeys.includes(name)) {
        this.#report(
          entry.at,
          `"${name}" belongs into a group`,
          `put it under "all:", or under the name of a group`,
        );
      } else {
        this.#readGroup(name, entry, [name]);
      }
    }
    if (this.hosts.size === 0)
      this.#report(root.at, 'no hosts', 'add a group with "hosts:" and a name below it');
  }

  refuseCircles(): void {
    const done = new Set<string>();
    const visit = (name: string, above: readonly string[]) => {
      if (above.includes(name)) {
        const circle = [...above.slice(above.indexOf(name)), name].join(' > ');
        this.#report(
          this.groups.get(name)!.at,
          `groups contain each other: ${circle}`,
          'remove one from "children:"',
        );
      } else if (!done.has(name)) {
        for (const child of this.groups.get(name)!.children) visit(child, [...above, name]);
        done.add(name);
      }
    };
    for (const name of this.groups.keys()) visit(name, []);
  }

  #readGroup(name: string, { at, node }: YamlEntry, path: readonly string[]): void {
    if (!/^[A-Za-z_][A-Za-z0-9_-]{0,62}$/.test(name)) {
      this.#report(
        at,
        `"${shown(name)}" cannot name a group`,
        'use letters, digits, _ and -; start with a letter',
      );
      return;
    }
    const group = this.#group(name, at, path);
    const content = this.#mapping(node, at, `group ${name}`, `write "hosts:" below it`);
    if (content && !isFilled(group)) group.path = path;
    for (const [key, entry] of content?.entries ?? []) {
      const below = [...path, key];
      if (key === 'hosts') this.#readHosts(group, entry);
      else if (key === 'vars') this.#readVars(group.vars, entry, `group ${name}`);
      else if (key === 'children') this.#readChildren(group, entry, below);
      else this.#report(entry.at, `"${shown(key)}" is not known in group ${name}`, unknownGroupKey(key));
    }
  }

  #readChildren(group: GroupDraft, { at, node }: YamlEntry, path: readonly string[]): void {
    for (const [name, entry] of this.#mapping(
      node,
      at,
      'children',
      'write a group on each line, with a colon',
    )?.entries ?? []) {
      this.#readGroup(name, entry, [...path, name]);
      if (name === 'all') this.#report(entry.at, '"all" holds every group, and is in none');
      else if (this.groups.has(name)) group.children.add(name);
    }
  }

  #readHosts(group: GroupDraft, { at, node }: YamlEntry): void {
    for (const [name, entry] of this.#mapping(node, at, 'hosts', 'write "NAME:" with a colon on each line')
      ?.entries ?? []) {
      if (isHostName(name)) {
        group.hosts.add(name);
        this.#readHost(name, entry);
      } else {
        const isRange = name.includes('[');
        const remedy = isRange
          ? 'write each host by itself; ranges are not expanded'
          : 'use letters, digits, . _ and -';
        this.#report(entry.at, `"${shown(name)}" cannot name a host`, remedy);
      }
    }
  }

  #readHost(name: string, { at, node }: YamlEntry): void {
    const host = this.#host(name, at);
    const content = this.#mapping(
      node,
      at,
      `host ${name}`,
      `write "host: ADDRESS" on the next line, or nothing`,
    );
    for (const [key, entry] of content?.entries ?? []) {
      if (key === 'vars') this.#readVars(host.vars, entry, `host ${name}`);
      else this.#add(isSettingName(key) ? host.settings : host.vars, key, entry, `host ${name}`);
    }
  }

  #readVars(vars: Map<string, YamlEntry>, { at, node }: YamlEntry, owner: string): void {
    const content = this.#mapping(node, at, `vars of ${owner}`, 'write "NAME: VALUE" on each line');
    for (const [key, entry] of content?.entries ?? []) this.#add(vars, key, entry, owner);
  }

  #add(values: Map<string, YamlEntry>, key: string, entry: YamlEntry, owner: string): void {
    const other = values.get(key);
    if (!other || JSON.stringify(plainValue(other.node)) === JSON.stringify(plainValue(entry.node))) {
      values.set(key, other ?? entry);
    } else {
      this.#report(
        entry.at,
        `"${key}" of ${owner} has another value at ${formatLocation(other.at)}`,
        'keep one of them',
      );
    }
  }

  #group(name: string, at: SourceLocation, path: readonly string[]): GroupDraft {
    const known = this.groups.get(name);
    if (known) return known;
    const group = {
      name,
      at,
      path,
      hosts: new Set<string>(),
      children: new Set<string>(),
      vars: new Map<string, YamlEntry>(),
    };
    this.groups.set(name, group);
    return group;
  }

  #host(name: string, at: SourceLocation): HostDraft {
    const known = this.hosts.get(name);
    if (known) return known;
    const host = { name, at, settings: new Map<string, YamlEntry>(), vars: new Map<string, YamlEntry>() };
    this.hosts.set(name, host);
    return host;
  }

  /** The mapping that a node is; nothing at all is an empty one. */
  #mapping(node: YamlNode, at: SourceLocation, what: string, remedy: string): YamlMap | undefined {
    if (node.type === 'map') return node;
    const isEmpty = node.type === 'scalar' && node.value === null;
    if (!isEmpty) this.#report(at, `${what} must be a mapping, found ${describeNode(node)}`, remedy);
    return undefined;
  }

  #report(at: SourceLocation, happened: string, remedy?: string): void {
    this.#problems.push({ code: 'INVENTORY', at: [at], happened, ...(remedy !== undefined && { remedy }) });
  }
}

const groupKeys = ['hosts', 'vars', 'children'];

// Names go into file names, step ids and logs; an address may be a name too, as in many inventories.
function isHostName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/.test(name) || readIpAddress(name) !== undefined;
}

function isFilled(group: InventoryGroup): boolean {
  return group.hosts.size + group.children.size + group.vars.size > 0;
}

function unknownGroupKey(key: string): string {
  const near = didYouMean(key, groupKeys);
  return near === undefined ? `put hosts under "hosts:" and values under "vars:"` : `did you mean "${near}"?`;
}

/** A wrong name as it may stand in a message. */
function shown(name: string): string {
  const line = JSON.stringify(name)
    .slice(1, -1)
    .replace(/[\p{Cf}\x7f-\x9f]/gu, '?');
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}
