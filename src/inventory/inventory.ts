import type { SourceLocation } from '../core/source.ts';
import type { YamlEntry } from './yaml-node.ts';

/** An inventory as it was written: names and structure are checked, values are not yet read by any field. */
export interface Inventory {
  /** As messages show it. */
  readonly file: string;
  /** Absolute; relative paths of the inventory start here. */
  readonly folder: string;
  readonly playbook?: { /** Absolute. */ readonly path: string; readonly at: SourceLocation };
  /** Path of the identities that open encrypted secrets, as it is written. */
  readonly ageIdentity?: string;
  /** In the order of the file; `all` is always among them. */
  readonly groups: ReadonlyMap<string, InventoryGroup>;
  /** In the order of the file. */
  readonly hosts: ReadonlyMap<string, InventoryHost>;
}

export interface InventoryGroup {
  readonly name: string;
  readonly at: SourceLocation;
  /** Where the file defines it: `['all', 'children', 'lb']`. */
  readonly path: readonly string[];
  /** Names of the hosts that stand in it, not in its children. */
  readonly hosts: ReadonlySet<string>;
  readonly children: ReadonlySet<string>;
  readonly vars: ReadonlyMap<string, YamlEntry>;
}

export interface InventoryHost {
  readonly name: string;
  readonly at: SourceLocation;
  /** How it is reached, as it stands beside its name: `host`, `ansible_user`. */
  readonly settings: ReadonlyMap<string, YamlEntry>;
  /** Everything else beside its name, and everything under its `vars:`. */
  readonly vars: ReadonlyMap<string, YamlEntry>;
}

/** Words beside the name of a host that say how it is reached. */
export const settingNames = [
  'host',
  'user',
  'port',
  'key',
  'key_certificate',
  'fingerprint',
  'host_ca',
  'address',
  'password',
  'passphrase',
  'become',
  'become_password',
  'become_method',
  'jump',
] as const;

export function isSettingName(name: string): boolean {
  return (settingNames as readonly string[]).includes(name) || name.startsWith('ansible_');
}
