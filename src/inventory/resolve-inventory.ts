import { throwProblems, type Problem } from '../core/errors.ts';
import type { AnyField, FieldMap, Question } from '../core/field.ts';
import type { ResolvedHost, ResolvedInventory } from '../core/plan.ts';
import type { GroupMap } from '../core/play.ts';
import type { SourceLocation } from '../core/source.ts';
import { checkNames } from './check-names.ts';
import {
  connectionSettings,
  settings,
  type ConnectionSettings,
  type Setting,
  type SettingKey,
} from './connection-settings.ts';
import { GroupTree } from './group-tree.ts';
import type { Inventory } from './inventory.ts';
import type { OutsideWorld } from './outside-world.ts';
import { SharedParse, type InventoryWarning, type RawVars } from './shared-parse.ts';
import { ValueLookup } from './value-lookup.ts';
import type { YamlEntry } from './yaml-node.ts';

/** What an inventory says, read by the fields of a playbook. */
export interface Resolution {
  readonly resolved: ResolvedInventory;
  /** By host, in the order of the inventory. */
  readonly connections: ReadonlyMap<string, ConnectionSettings>;
  /** What a person can be asked for. While there is any, `resolved` lacks these values: ask, answer, resolve again. */
  readonly missing: readonly MissingValue[];
  readonly warnings: readonly InventoryWarning[];
}

/** A required value that the inventory leaves open, and that a person can be asked for. */
export interface MissingValue {
  /** `certificate`. */
  readonly name: string;
  /** Where an answer belongs in the file: `['all', 'vars', 'certificate']`. */
  readonly at: readonly string[];
  /** Hosts that lack it. */
  readonly hosts: readonly string[];
  readonly field: AnyField;
  readonly question: Question;
}

/**
 * Reads every value of an inventory by the fields of a playbook's groups. Contacts nothing but what the inventory names:
 * its files, its environment variables and its secret commands.
 * @throws ProvisionError with every problem of every value, each with file:line:column
 * @example
 * const { resolved, missing } = await resolveInventory(inventory, playbook.groups, world);
 */
export async function resolveInventory(
  inventory: Inventory,
  groups: GroupMap,
  world: OutsideWorld,
): Promise<Resolution> {
  return new Resolver(inventory, groups, world).resolve();
}

const credentials: readonly string[] = ['password', 'passphrase', 'becomePassword'] satisfies SettingKey[];

class Resolver {
  readonly #inventory: Inventory;
  readonly #groups: GroupMap;
  readonly #world: OutsideWorld;
  readonly #problems: Problem[] = [];
  readonly #tree: GroupTree;
  readonly #lookup: ValueLookup;
  readonly #parser: SharedParse;
  /** Hosts with a wrong setting: where they are is not known. */
  readonly #unreadable = new Set<string>();
  /** By name of the value. */
  readonly #missing = new Map<string, { groups: Set<string>; hosts: Set<string>; field: AnyField }>();

  constructor(inventory: Inventory, groups: GroupMap, world: OutsideWorld) {
    this.#inventory = inventory;
    this.#groups = groups;
    this.#world = world;
    this.#tree = new GroupTree(inventory);
    this.#lookup = new ValueLookup(inventory, this.#tree, Object.keys(groups), this.#problems);
    this.#parser = new SharedParse(world, inventory.folder);
  }

  async resolve(): Promise<Resolution> {
    const names = checkNames(this.#inventory, this.#tree, this.#groups);
    const connections = new Map<string, ConnectionSettings>();
    const hosts = new Map<string, ResolvedHost>();
    // One after the other: what hosts share is parsed once.
    for (const host of this.#inventory.hosts.keys()) {
      const { connection, address } = await this.#connection(host);
      connections.set(host, connection);
      hosts.set(host, { name: host, address, vars: await this.#vars(host) });
    }
    this.#refuseTwins(connections);
    const missing = this.#askable();
    throwProblems(inOrder([...names.problems, ...this.#problems, ...this.#parser.problems]));
    const members = (group: string) => this.#tree.members(group).flatMap((host) => hosts.get(host) ?? []);
    return {
      resolved: { groups: new Map(Object.keys(this.#groups).map((group) => [group, members(group)])) },
      connections,
      missing,
      warnings: [...names.warnings, ...this.#parser.warnings],
    };
  }

  async #vars(host: string): Promise<ResolvedHost['vars']> {
    const vars = new Map<string, Readonly<Record<string, unknown>>>();
    for (const [group, fields] of Object.entries(this.#groups)) {
      if (!this.#tree.groupsOf(host).includes(group)) continue;
      vars.set(group, await this.#groupVars(host, group, fields));
    }
    return vars;
  }

  async #groupVars(
    host: string,
    group: string,
    fields: FieldMap,
  ): Promise<Readonly<Record<string, unknown>>> {
    const raw: RawVars = {
      get: (name) => this.#lookup.ofGroup(host, group, name),
      names: () => this.#lookup.namesFor(host, group),
    };
    const values: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(fields)) {
      const entry = raw.get(name);
      if (entry && !isLeftOpen(entry, field)) {
        const parsed = await this.#parser.parse(field, name, entry, raw);
        if (parsed) values[name] = parsed.value;
      } else if (field.fallback) {
        values[name] = field.fallback.value;
      } else {
        this.#noteMissing(name, field, group, host);
      }
    }
    return Object.freeze(values);
  }

  async #connection(host: string): Promise<{ connection: ConnectionSettings; address: string }> {
    const values = new Map<SettingKey, unknown>();
    const logsIn = this.#world.logsInTo?.has(host) ?? true;
    for (const [key, setting] of Object.entries<Setting>(settings)) {
      if (!logsIn && credentials.includes(key)) continue;
      const names = [...(setting.plain === undefined ? [] : [setting.plain]), ...setting.ansible];
      const entry = this.#lookup.ofConnection(
        host,
        names,
        names.filter((name) => !this.#isVar(host, name)),
      );
      if (!entry) continue;
      const parsed = await this.#parser.parse(setting.field, setting.plain ?? names[0]!, entry, noVars);
      if (parsed) values.set(key as SettingKey, parsed.value);
      else this.#unreadable.add(host);
    }
    const connection = connectionSettings(host, values, this.#world);
    const { address: name, user, port, unsaid } = connection;
    const said = { ...(!unsaid.has('user') && { user }), ...(!unsaid.has('port') && { port }) };
    const isWrong = this.#unreadable.has(host);
    const place = isWrong ? undefined : this.#world.hostName?.({ name, ...said });
    return { connection, address: (values.get('address') as string | undefined) ?? place ?? name };
  }

  /** Where a group declares a var with the name of a setting, that name under `vars:` means the var. */
  #isVar(host: string, name: string): boolean {
    return this.#tree.groupsOf(host).some((group) => {
      const fields = Object.hasOwn(this.#groups, group) ? this.#groups[group] : undefined;
      return fields !== undefined && Object.hasOwn(fields, name);
    });
  }

  #noteMissing(name: string, field: AnyField, group: string, host: string): void {
    const noted = this.#missing.get(name) ?? { groups: new Set(), hosts: new Set(), field };
    noted.groups.add(group);
    noted.hosts.add(host);
    this.#missing.set(name, field.question && !noted.field.question ? { ...noted, field } : noted);
  }

  /** What can be asked for; the rest of what is missing is a problem. */
  #askable(): MissingValue[] {
    const askable: MissingValue[] = [];
    for (const [name, { groups, hosts, field }] of this.#missing) {
      const at = [...this.#homeOf(name, groups), 'vars', name];
      if (field.question) {
        askable.push({ name, at, hosts: [...hosts], field, question: field.question });
      } else {
        this.#problems.push({
          code: 'INVENTORY',
          at: [this.#groupAt([...groups][0]!)],
          happened: `"${name}" is missing for ${some([...hosts])}`,
          remedy: `give ${field.expects} at ${at.join('.')}`,
        });
      }
    }
    return askable;
  }

  /** A value that several groups of the playbook have belongs to all hosts, that of one group to this group. */
  #homeOf(name: string, groups: ReadonlySet<string>): readonly string[] {
    const owners = Object.keys(this.#groups).filter((group) => Object.hasOwn(this.#groups[group]!, name));
    const [owner] = groups;
    const group = owners.length === 1 && owner !== undefined ? this.#inventory.groups.get(owner) : undefined;
    return group?.path ?? ['all'];
  }

  #groupAt(group: string): SourceLocation {
    return this.#inventory.groups.get(group)?.at ?? { file: this.#inventory.file, line: 1 };
  }

  /** One machine under two names would be changed twice at the same time. */
  #refuseTwins(connections: ReadonlyMap<string, ConnectionSettings>): void {
    const seen = new Map<string, string>();
    for (const { name, address, port, jump = [] } of connections.values()) {
      if (this.#unreadable.has(name)) continue;
      // Private addresses may be the same behind other hosts on the way.
      const way = jump.map(({ host }) => ` through ${host}`).join('');
      const place = `${address} port ${port}${way}`;
      const twin = seen.get(place);
      seen.set(place, twin ?? name);
      if (twin === undefined) continue;
      this.#problems.push({
        code: 'INVENTORY',
        at: [this.#inventory.hosts.get(name)!.at],
        happened: `hosts ${twin} and ${name} are the same machine: ${place}`,
        remedy: 'give both groups the host under one name',
      });
    }
  }
}

const noVars: RawVars = { get: () => undefined, names: () => [] };

/** A name without a value is an open question where one can be asked. */
function isLeftOpen({ node }: YamlEntry, field: AnyField): boolean {
  return node.type === 'scalar' && node.value === null && field.question !== undefined;
}

function some(hosts: readonly string[]): string {
  const shown = hosts.slice(0, 3).join(', ');
  return hosts.length > 3
    ? `${shown} and ${hosts.length - 3} more hosts`
    : `${hosts.length > 1 ? 'hosts' : 'host'} ${shown}`;
}

/** As a person reads the file: from its top. Problems without a place come last. */
function inOrder(problems: readonly Problem[]): Problem[] {
  const place = ({ at }: Problem) => {
    const inInventory = at?.at(-1);
    return inInventory ? inInventory.line * 100_000 + (inInventory.column ?? 0) : Infinity;
  };
  return [...problems].sort((a, b) => place(a) - place(b) || 0);
}
