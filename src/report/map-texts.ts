import { effectTypes } from '../core/effect.ts';
import { errorCodes } from '../core/errors.ts';
import type { RunEvent } from '../core/event.ts';

// The words of the published shape. A password that happens to be "changed" must not turn a status into `***`.
const ownWords: Readonly<Record<string, ReadonlySet<string>>> = {
  event: new Set<RunEvent['event']>([
    'start',
    'phase',
    'step-start',
    'progress',
    'step',
    'notice',
    'summary',
  ]),
  status: new Set(['ok', 'changed', 'would-change', 'failed', 'skipped']),
  level: new Set(['info', 'warning']),
  mode: new Set(['apply', 'check']),
  schema: new Set(['1.0']),
  type: new Set(['value', 'text', 'secret', 'unknown', ...effectTypes]),
  code: new Set(Object.keys(errorCodes)),
};

/**
 * A copy of plain data with every text in it replaced by `map(text)`, keys too.
 * @example
 * mapTexts({ event: 'notice', level: 'info', text: 'hunter2' }, maskText);
 */
export function mapTexts<T>(value: T, map: (text: string) => string): T {
  return copy(value, '', map) as T;
}

function copy(value: unknown, key: string, map: (text: string) => string): unknown {
  if (typeof value === 'string') return ownWords[key]?.has(value) ? value : map(value);
  if (typeof value === 'number') return key === 'ms' ? value : copyNumber(value, map);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((entry) => copy(entry, key, map));
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [map(name), copy(entry, name, map)]),
  );
}

/** A secret of digits may come back from a host as a number. */
function copyNumber(value: number, map: (text: string) => string): unknown {
  const text = String(value);
  const mapped = map(text);
  return mapped === text ? value : mapped;
}
