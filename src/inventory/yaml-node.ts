import { kindOf } from '../core/fields/wrong.ts';
import type { SourceLocation } from '../core/source.ts';

/** A value of the YAML with its place: names and values keep where they were written. */
export type YamlNode =
  | { readonly type: 'map'; readonly at: SourceLocation; readonly entries: ReadonlyMap<string, YamlEntry> }
  | { readonly type: 'list'; readonly at: SourceLocation; readonly items: readonly YamlNode[] }
  | { readonly type: 'scalar'; readonly at: SourceLocation; readonly value: unknown };

export type YamlMap = Extract<YamlNode, { type: 'map' }>;

export interface YamlEntry {
  /** Where the key stands. */
  readonly at: SourceLocation;
  readonly node: YamlNode;
}

/** The plain value, as fields parse it. */
export function plainValue(node: YamlNode): unknown {
  if (node.type === 'scalar') return node.value;
  if (node.type === 'list') return node.items.map(plainValue);
  return Object.fromEntries([...node.entries].map(([key, entry]) => [key, plainValue(entry.node)]));
}

/** Where a path below an entry stands, or the nearest thing above it that was written. */
export function locate(entry: YamlEntry, path: readonly (string | number)[]): SourceLocation {
  let { at, node } = entry;
  for (const key of path) {
    const inner = node.type === 'map' ? node.entries.get(String(key)) : undefined;
    const item = node.type === 'list' ? node.items[Number(key)] : undefined;
    if (inner) ({ at, node } = inner);
    else if (item) ({ at, node } = { at: item.at, node: item });
    else break;
  }
  return at;
}

/** What a node is, in words. */
export function describeNode(node: YamlNode): string {
  if (node.type === 'map') return 'a mapping';
  if (node.type === 'list') return 'a list';
  return kindOf(node.value);
}
