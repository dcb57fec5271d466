import { Secret } from '../core/secret.ts';
import type { SourceLocation } from '../core/source.ts';
import type { Inventory, InventoryGroup } from './inventory.ts';
import type { YamlEntry, YamlNode } from './yaml-node.ts';

/** A value that a person gave at the terminal, and where it belongs: `['all', 'vars', 'certificate']`. */
export interface GivenAnswer {
  readonly at: readonly string[];
  /** As it would stand in the YAML; a secret is a `Secret`, and can never be written there. */
  readonly value: unknown;
}

/**
 * The inventory as if these answers stood in it; problems with them point at their group.
 * @example
 * withAnswers(inventory, [{ at: ['all', 'vars', 'certificate'], value: { option: 'private-ca' } }]);
 */
export function withAnswers(inventory: Inventory, answers: readonly GivenAnswer[]): Inventory {
  const groups = new Map(inventory.groups);
  for (const { at, value } of answers) {
    const name = at.at(-1);
    const group = [...groups.values()].find(
      ({ path }) => [...path, 'vars', name].join('\n') === at.join('\n'),
    );
    if (!group || name === undefined) throw new Error(`no group of the inventory is at ${at.join('.')}`);
    groups.set(group.name, answered(group, name, value));
  }
  return { ...inventory, groups };
}

function answered(group: InventoryGroup, name: string, value: unknown): InventoryGroup {
  return { ...group, vars: new Map([...group.vars, [name, entryOf(value, group.at)]]) };
}

function entryOf(value: unknown, at: SourceLocation): YamlEntry {
  return { at, node: nodeOf(value, at) };
}

function nodeOf(value: unknown, at: SourceLocation): YamlNode {
  if (Array.isArray(value)) return { type: 'list', at, items: value.map((item) => nodeOf(item, at)) };
  if (typeof value !== 'object' || value === null || value instanceof Secret)
    return { type: 'scalar', at, value };
  const entries = Object.entries(value).map(([key, inner]): [string, YamlEntry] => [key, entryOf(inner, at)]);
  return { type: 'map', at, entries: new Map(entries) };
}
