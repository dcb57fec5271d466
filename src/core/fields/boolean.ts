import { defineField, type ValueField } from './value-field.ts';
import { wrong } from './wrong.ts';

const formerYaml = new Set(['yes', 'no', 'on', 'off', 'y', 'n', 'true', 'false']);

/**
 * `true` or `false`. `yes` and `on` are text in YAML 1.2, so they are refused rather than guessed at.
 * @example
 * boolean().default(false)
 */
export function boolean(): ValueField<boolean> {
  return defineField<boolean>({
    expects: 'true or false',
    schema: { type: 'boolean' },
    parse(value) {
      if (typeof value === 'boolean') return { value };
      const meant = typeof value === 'string' && formerYaml.has(value.toLowerCase());
      return wrong('true or false', value, meant ? 'write true or false, without quotes' : undefined);
    },
  });
}
