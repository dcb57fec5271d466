import type { Problem } from '../core/errors.ts';
import type { GroupMap } from '../core/play.ts';
import type { SourceLocation } from '../core/source.ts';
import { didYouMean } from '../core/suggest.ts';
import { ignoredSettings, settings, type Setting } from './connection-settings.ts';
import type { GroupTree } from './group-tree.ts';
import { settingNames, type Inventory } from './inventory.ts';
import type { InventoryWarning } from './shared-parse.ts';
import { plainValue, type YamlEntry } from './yaml-node.ts';

/** Finds names of the inventory that the playbook does not know: a misspelt one would silently do nothing. */
export function checkNames(
  inventory: Inventory,
  tree: GroupTree,
  groups: GroupMap,
): { problems: Problem[]; warnings: InventoryWarning[] } {
  const check = new NameCheck(inventory, tree, groups);
  check.checkGroups();
  check.checkVars();
  return check;
}

const ansibleNames = new Set(Object.values(settings).flatMap((setting: Setting) => setting.ansible));

class NameCheck {
  readonly problems: Problem[] = [];
  readonly warnings: InventoryWarning[] = [];
  readonly #inventory: Inventory;
  readonly #tree: GroupTree;
  readonly #groups: GroupMap;
  readonly #declared: readonly string[];

  constructor(inventory: Inventory, tree: GroupTree, groups: GroupMap) {
    this.#inventory = inventory;
    this.#tree = tree;
    this.#groups = groups;
    this.#declared = Object.keys(groups);
  }

  /** A group that no play is for is fine as a way to order hosts, and wrong as a misspelt name. */
  checkGroups(): void {
    for (const { name, at } of this.#inventory.groups.values()) {
      if (name === 'all' || this.#declared.includes(name)) continue;
      const members = this.#tree.members(name);
      const isUsed = members.some((host) =>
        this.#tree.groupsOf(host).some((group) => this.#declared.includes(group)),
      );
      const missing = this.#declared.filter((group) => this.#tree.members(group).length === 0);
      const near = didYouMean(name, missing);
      if (near !== undefined)
        this.#report(at, `the playbook has no group "${name}"`, `did you mean "${near}"?`);
      else if (!isUsed) {
        const known = this.#declared.join(', ');
        this.warnings.push({
          at,
          text: `no play is for group "${name}": its hosts are left alone (the playbook has ${known})`,
        });
      }
    }
    for (const name of this.#declared) {
      if (this.#tree.members(name).length > 0) continue;
      const at = this.#inventory.groups.get(name)?.at ?? { file: this.#inventory.file, line: 1 };
      this.warnings.push({ at, text: `group "${name}" of the playbook has no hosts` });
    }
  }

  checkVars(): void {
    for (const group of this.#inventory.groups.values()) {
      const users = this.#usersOf(group.name);
      for (const [name, entry] of group.vars) this.#checkVar(name, entry, users, `group ${group.name}`);
    }
    for (const host of this.#inventory.hosts.values()) {
      const users = this.#declared.filter((group) => this.#tree.groupsOf(host.name).includes(group));
      for (const [name, entry] of host.vars) this.#checkVar(name, entry, users, `host ${host.name}`);
      for (const [name, entry] of host.settings) this.#checkSetting(name, entry);
    }
  }

  /** The groups of the playbook that see the vars of a group. */
  #usersOf(name: string): readonly string[] {
    if (this.#declared.includes(name))
      return this.#declared.filter((group) => this.#tree.related(group, name));
    const members = this.#tree.members(name);
    const users = this.#declared.filter((group) =>
      members.some((host) => this.#tree.groupsOf(host).includes(group)),
    );
    return users.length > 0 ? users : this.#declared;
  }

  #checkVar(name: string, entry: YamlEntry, users: readonly string[], owner: string): void {
    if (holdsTemplate(plainValue(entry.node))) {
      this.warnings.push({
        at: entry.at,
        text: `${name}: {{ … }} is taken as it stands; there are no templates in an inventory`,
      });
    }
    if (users.some((group) => Object.hasOwn(this.#groups[group]!, name))) return;
    if (name.startsWith('ansible_')) this.#checkSetting(name, entry);
    else if (!(settingNames as readonly string[]).includes(name)) {
      const known = users.flatMap((group) => Object.keys(this.#groups[group]!));
      const other = this.#declared.find((group) => Object.hasOwn(this.#groups[group]!, name));
      const happened = `"${name}" is no value of ${owner}`;
      const near = didYouMean(name, [...known, ...settingNames]);
      if (other !== undefined) this.#report(entry.at, happened, `it is one of group ${other}: put it there`);
      else if (near !== undefined) this.#report(entry.at, happened, `did you mean "${near}"?`);
      else
        this.#report(
          entry.at,
          happened,
          `known are: ${known.length > 0 ? known.join(', ') : settingNames.join(', ')}`,
        );
    }
  }

  #checkSetting(name: string, { at }: YamlEntry): void {
    if (!name.startsWith('ansible_') || ansibleNames.has(name)) return;
    if (ignoredSettings.has(name)) {
      this.warnings.push({ at, text: `${name} has no meaning here and is ignored` });
      return;
    }
    const near = didYouMean(name, ansibleNames);
    // To ignore it could mean another machine, another user or another way there.
    const remedy = near === undefined ? 'remove it' : `did you mean "${near}"?`;
    this.#report(at, `the setting "${name}" is not supported`, remedy);
  }

  #report(at: SourceLocation, happened: string, remedy: string): void {
    this.problems.push({ code: 'INVENTORY', at: [at], happened, remedy });
  }
}

function holdsTemplate(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('{{');
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsTemplate);
}
