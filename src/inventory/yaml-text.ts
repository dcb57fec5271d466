import type { Json } from '../core/change.ts';

/**
 * A value as YAML on one line. Text is quoted unless nobody could read it as anything else.
 * @example
 * flowText({ option: 'own-ca', days: 30, version: '1.10' }); // => '{ option: own-ca, days: 30, version: "1.10" }'
 */
export function flowText(value: Json): string {
  if (typeof value === 'string') return scalarText(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (isList(value)) return `[${value.map(flowText).join(', ')}]`;
  const entries = Object.entries(value).map(([key, inner]) => `${scalarText(key)}: ${flowText(inner)}`);
  return entries.length > 0 ? `{ ${entries.join(', ')} }` : '{}';
}

/** A mapping as YAML, a line for each key; lists stay on one line. */
export function blockLines(value: { readonly [key: string]: Json }, indent: string, step: string): string[] {
  return Object.entries(value).flatMap(([key, inner]) =>
    isFilledMapping(inner)
      ? [`${indent}${scalarText(key)}:`, ...blockLines(inner, indent + step, step)]
      : [`${indent}${scalarText(key)}: ${flowText(inner)}`],
  );
}

export function isFilledMapping(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !isList(value) && Object.keys(value).length > 0;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

// Words that some reader of YAML takes for another type, now (1.2) or formerly (1.1).
const reserved = /^(true|false|yes|no|on|off|y|n|null|nan|inf)$/i;

function scalarText(text: string): string {
  const isPlain = /^[A-Za-z/~][A-Za-z0-9_./@+-]*$/.test(text) && !reserved.test(text) && text !== '~';
  if (isPlain && text.length < 200) return text;
  // What JSON leaves as it is and YAML does not: C1 controls, line separators, byte order mark, surrogates.
  const odd = /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g;
  return JSON.stringify(text).replace(
    odd,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
