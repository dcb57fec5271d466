import type { Problem } from '../core/errors.ts';
import { formatLocation } from '../core/source.ts';
import type { GroupTree } from './group-tree.ts';
import type { Inventory } from './inventory.ts';
import { plainValue, type YamlEntry } from './yaml-node.ts';

/** Finds the value that holds for a host: its own, else that of the deepest group. */
export class ValueLookup {
  readonly #inventory: Inventory;
  readonly #tree: GroupTree;
  /** Groups of the playbook: a value of one of them is not meant for another. */
  readonly #declared: ReadonlySet<string>;
  readonly #problems: Problem[];
  readonly #reported = new Set<string>();

  constructor(inventory: Inventory, tree: GroupTree, declared: Iterable<string>, problems: Problem[]) {
    this.#inventory = inventory;
    this.#tree = tree;
    this.#declared = new Set(declared);
    this.#problems = problems;
  }

  /** The value of a var, as the plays of this group see it. */
  ofGroup(host: string, group: string, name: string): YamlEntry | undefined {
    const own = this.#inventory.hosts.get(host)?.vars.get(name);
    return (
      own ??
      this.#ofGroups(host, name, (other) => !this.#declared.has(other) || this.#tree.related(other, group))
    );
  }

  /** Names of all values that the plays of this group could see. */
  namesFor(host: string, group: string): string[] {
    const names = new Set(this.#inventory.hosts.get(host)?.vars.keys());
    for (const other of this.#tree.groupsOf(host)) {
      for (const name of this.#inventory.groups.get(other)?.vars.keys() ?? []) names.add(name);
    }
    return [...names].filter((name) => this.ofGroup(host, group, name) !== undefined);
  }

  /** The value of a connection setting, under whichever of its names. `inVars` are those that no var of a play has. */
  ofConnection(host: string, names: readonly string[], inVars: readonly string[]): YamlEntry | undefined {
    const { settings, vars } = this.#inventory.hosts.get(host)!;
    const own = [...this.#pick(settings, names), ...this.#pick(vars, inVars)];
    if (own.length > 1) this.#reportSpellings(own);
    if (own[0]) return own[0];
    const inGroups = inVars.flatMap((name) => this.#ofGroups(host, name, () => true) ?? []);
    if (inGroups.length > 1) this.#reportSpellings(inGroups);
    return inGroups[0];
  }

  #pick(values: ReadonlyMap<string, YamlEntry>, names: readonly string[]): YamlEntry[] {
    return names.flatMap((name) => values.get(name) ?? []);
  }

  #ofGroups(host: string, name: string, counts: (group: string) => boolean): YamlEntry | undefined {
    let found: { entry: YamlEntry; group: string } | undefined;
    for (const group of this.#tree.groupsOf(host)) {
      const entry = counts(group) ? this.#inventory.groups.get(group)?.vars.get(name) : undefined;
      if (!entry) continue;
      if (!found) found = { entry, group };
      else if (this.#tree.depth(group) < this.#tree.depth(found.group)) break;
      else if (!same(entry, found.entry)) this.#reportTie(name, host, found, { entry, group });
    }
    return found?.entry;
  }

  #reportTie(name: string, host: string, a: { entry: YamlEntry; group: string }, b: typeof a): void {
    const happened = `"${name}" has another value in group ${a.group} (${formatLocation(a.entry.at)}), and ${host} is in both groups`;
    this.#report(
      b.entry,
      happened,
      'give it on the host, in one group only, or make one group a child of the other',
    );
  }

  #reportSpellings(entries: readonly YamlEntry[]): void {
    const [first, second] = entries;
    const happened = `the same setting stands under another name at ${formatLocation(first!.at)}`;
    this.#report(second!, happened, 'keep one of them');
  }

  #report(entry: YamlEntry, happened: string, remedy: string): void {
    const key = formatLocation(entry.at) + happened.replace(/, and \S+ is in both/, '');
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    this.#problems.push({ code: 'INVENTORY', at: [entry.at], happened, remedy });
  }
}

function same(a: YamlEntry, b: YamlEntry): boolean {
  return a === b || JSON.stringify(plainValue(a.node)) === JSON.stringify(plainValue(b.node));
}
