import { Secret } from './secret.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** One difference between what a host has and what is wanted. A secret shows that it differs, never how. */
export type Change =
  | { readonly type: 'value'; readonly path: string; readonly have?: Json; readonly want?: Json }
  | { readonly type: 'text'; readonly path: string; readonly have?: string; readonly want?: string }
  | { readonly type: 'secret'; readonly path: string; readonly have: 'absent' | 'differs' }
  /** Cannot be known before an earlier step is done. */
  | { readonly type: 'unknown'; readonly path: string };

/**
 * What differs, for each key of `want`; keys that only `have` knows are not managed and do not count.
 * @example
 * diff({ mode: '0644' }, { mode: '0600' }); // => [{ type: 'value', path: 'mode', have: '0644', want: '0600' }]
 */
export function diff(have: object | undefined, want: object): Change[] {
  return Object.entries(want).flatMap(([key, wanted]: [string, unknown]) => {
    if (wanted === undefined) return [];
    const actual = have && Object.hasOwn(have, key) ? (have as Record<string, unknown>)[key] : undefined;
    return same(actual, wanted) ? [] : [describe(key, actual, wanted)];
  });
}

function describe(path: string, have: unknown, want: unknown): Change {
  if (want instanceof Secret || have instanceof Secret) {
    return { type: 'secret', path, have: have === undefined ? 'absent' : 'differs' };
  }
  const isText = (value: unknown) => typeof value === 'string' && value.includes('\n');
  const type = isText(want) || isText(have) ? 'text' : 'value';
  return { type, path, ...defined('have', have), ...defined('want', want) };
}

function defined(key: string, value: unknown): object {
  return value === undefined ? {} : { [key]: value };
}

function same(a: unknown, b: unknown): boolean {
  if (a instanceof Secret || b instanceof Secret) {
    return a instanceof Secret && b instanceof Secret && a.reveal() === b.reveal();
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) =>
    same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}
