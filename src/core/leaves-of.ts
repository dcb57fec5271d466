import { isLargeFile, type LargeFile } from './large-file.ts';
import { Secret } from './secret.ts';

/** Every secret and every large file in a value, however deep. */
export function* leavesOf(value: unknown, seen = new Set<unknown>()): Generator<Secret | LargeFile> {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  if (value instanceof Secret || isLargeFile(value)) yield value;
  else if (value instanceof Uint8Array) return;
  else if (value instanceof Map) for (const entry of value) yield* leavesOf(entry, seen);
  else if (value instanceof Set) for (const entry of value) yield* leavesOf(entry, seen);
  else for (const entry of Object.values(value)) yield* leavesOf(entry, seen);
}
