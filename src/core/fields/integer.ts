import { defineField, type ValueField } from './value-field.ts';
import { kindOf, problem, wrong } from './wrong.ts';

/**
 * A whole number within limits, both included.
 * @example
 * integer({ min: 1, max: 100 })
 */
export function integer(
  limits: { readonly min?: number; readonly max?: number; readonly expects?: string } = {},
): ValueField<number> {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = limits;
  const expects = limits.expects ?? `a whole number${range(limits)}`;
  return defineField<number>({
    expects,
    schema: {
      type: 'integer',
      ...(limits.min !== undefined && { minimum: limits.min }),
      ...(limits.max !== undefined && { maximum: limits.max }),
    },
    parse(value) {
      if (typeof value === 'string' && /^-?\d+$/.test(value))
        return wrong(expects, value, 'leave out the quotes');
      if (typeof value !== 'number' || !Number.isSafeInteger(value)) return wrong(expects, value);
      if (value < min || value > max)
        return problem(`must be ${expects}, found ${kindOf(value)} outside of that`);
      return { value };
    },
  });
}

/**
 * A TCP or UDP port, 1 to 65535.
 * @example
 * port().default(443)
 */
export function port(): ValueField<number> {
  return integer({ min: 1, max: 65_535, expects: 'a port from 1 to 65535' });
}

function range({ min, max }: { readonly min?: number; readonly max?: number }): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` of at least ${min}`;
  return max === undefined ? '' : ` of at most ${max}`;
}
