import type { Json } from '../change.ts';
import type { FieldContext, FieldMap, FieldProblem, Parsed, VarsOf } from '../field.ts';
import { didYouMean } from '../suggest.ts';
import { parseInner } from './inner-context.ts';
import { refuseBareSecrets } from './refuse-bare-secrets.ts';
import { defineField, type ValueField } from './value-field.ts';
import { isMapping, wrong } from './wrong.ts';

/**
 * A mapping with these keys and no others.
 * @example
 * record({ url: fqdn(), username: text(), password: secret() }).optional()
 */
export function record<F extends FieldMap>(fields: F): ValueField<VarsOf<F>> {
  const expects = `a mapping with ${Object.keys(fields).join(', ')}`;
  return defineField<VarsOf<F>>({
    expects,
    schema: mappingSchema(fields),
    async parse(value, context) {
      if (!isMapping(value)) return wrong(expects, value);
      return parseMapping(fields, value, context);
    },
  });
}

/** The values of a mapping by their fields, or every problem: unknown keys, missing keys, wrong values. */
export async function parseMapping<F extends FieldMap>(
  fields: F,
  value: Readonly<Record<string, unknown>>,
  context: FieldContext,
): Promise<Parsed<VarsOf<F>>> {
  const problems = unknownKeys(fields, value);
  const values: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(fields)) {
    if (Object.hasOwn(value, key)) {
      const parsed = await parseInner(field, value[key], key, context);
      if ('value' in parsed) values[key] = parsed.value;
      else problems.push(...parsed.problems);
    } else if (field.fallback) {
      values[key] = field.fallback.value;
    } else {
      problems.push({ path: [key], happened: 'is missing', remedy: `give ${field.expects}` });
    }
  }
  return problems.length > 0 ? { problems } : { value: Object.freeze(values) as VarsOf<F> };
}

/** JSON Schema of a mapping with these keys and no others. */
export function mappingSchema(fields: FieldMap) {
  refuseBareSecrets(fields);
  const entries = Object.entries(fields);
  return {
    type: 'object',
    properties: Object.fromEntries(entries.map(([key, field]): [string, Json] => [key, field.schema])),
    required: entries.filter(([, field]) => !field.fallback).map(([key]) => key),
    additionalProperties: false,
  };
}

function unknownKeys(fields: FieldMap, value: object): FieldProblem[] {
  const known = Object.keys(fields);
  return Object.keys(value)
    .filter((key) => !Object.hasOwn(fields, key))
    .map((key) => {
      const near = didYouMean(key, known);
      const remedy = near === undefined ? `known are: ${known.join(', ')}` : `did you mean "${near}"?`;
      return { path: [key], happened: 'is not known here', remedy };
    });
}
