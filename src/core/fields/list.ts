import type { Field, FieldProblem } from '../field.ts';
import { parseInner } from './inner-context.ts';
import { defineField, type ValueField } from './value-field.ts';
import { problem, wrong } from './wrong.ts';

/**
 * A list of values of one type.
 * @example
 * list(hostAddress(), { min: 1 })
 */
export function list<T>(
  item: Field<T>,
  limits: { readonly min?: number; readonly max?: number } = {},
): ValueField<readonly T[]> {
  const { min = 0, max = Infinity } = limits;
  const expects = `a list, each entry ${item.expects}`;
  return defineField<readonly T[]>({
    expects,
    ...(item.isSecret && { isSecret: true }),
    schema: {
      type: 'array',
      items: item.schema,
      ...(limits.min !== undefined && { minItems: limits.min }),
      ...(limits.max !== undefined && { maxItems: limits.max }),
    },
    async parse(value, context) {
      if (!Array.isArray(value)) return wrong(expects, value, 'write each entry on its own line, after "- "');
      if (value.length < min) return problem(`has ${value.length} entries; at least ${min} are needed`);
      if (value.length > max) return problem(`has ${value.length} entries; at most ${max} are allowed`);
      const items: T[] = [];
      const problems: FieldProblem[] = [];
      for (const [index, entry] of value.entries()) {
        const parsed = await parseInner(item, entry, index, context);
        if ('value' in parsed) items.push(parsed.value as T);
        else problems.push(...parsed.problems);
      }
      return problems.length > 0 ? { problems } : { value: Object.freeze(items) };
    },
  });
}
