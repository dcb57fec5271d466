import type { FieldProblem } from '../field.ts';

/** The answer of a field to a value that is not what it expects. Names what was found, never the value: it may be a secret. */
export function wrong(
  expects: string,
  value: unknown,
  remedy?: string,
): { problems: readonly FieldProblem[] } {
  return problem(`must be ${expects}, found ${kindOf(value)}`, remedy);
}

/** One problem of the value as a whole. */
export function problem(happened: string, remedy?: string): { problems: readonly FieldProblem[] } {
  return { problems: [{ path: [], happened, ...(remedy !== undefined && { remedy }) }] };
}

/**
 * What a value of the YAML is, in words.
 * @example
 * kindOf(1.1); // => 'a number'
 */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'no value';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number') return Number.isInteger(value) ? 'a whole number' : 'a number';
  if (typeof value === 'boolean') return 'true or false';
  if (typeof value === 'string') return value === '' ? 'empty text' : 'text';
  return 'a mapping';
}

/** True for a mapping of the YAML. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
