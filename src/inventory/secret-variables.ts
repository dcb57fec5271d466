import { isMapping } from '../core/fields/wrong.ts';
import type { Inventory } from './inventory.ts';
import { variableName } from './read-secret.ts';
import { plainValue, type YamlEntry } from './yaml-node.ts';

/**
 * The environment variables that an inventory names as the place of a secret, so that no program inherits them: what is
 * in the environment of a process can be read in `/proc`, and goes on to all its children.
 * @example
 * secretVariables(parseInventory('web: { vars: { token: { env: TOKEN } }, hosts: { a: } }', 'i.yaml')); // => Set { 'TOKEN' }
 */
export function secretVariables(inventory: Inventory): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    if (!isMapping(value)) return;
    const [[key, inner] = [], ...more] = Object.entries(value);
    const isSource = key === 'env' && more.length === 0 && typeof inner === 'string';
    if (isSource && variableName.test(inner) && !needed.has(inner)) names.add(inner);
    Object.values(value).forEach(visit);
  };
  const visitAll = (entries: ReadonlyMap<string, YamlEntry>) => {
    for (const { node } of entries.values()) visit(plainValue(node));
  };
  for (const group of inventory.groups.values()) visitAll(group.vars);
  for (const host of inventory.hosts.values()) [host.settings, host.vars].forEach(visitAll);
  return names;
}

// No program starts without them, and none of them is ever a secret.
const needed = new Set(['PATH', 'HOME']);
