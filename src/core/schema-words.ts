import { effectTypes } from './effect.ts';

/** The schema of an object, of which some fields must be there. */
export interface RecordSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, object>>;
  readonly required: readonly string[];
  readonly additionalProperties?: false;
}

/**
 * The words of JSON Schema in which our published formats are written, and what several of them speak of.
 * @param unknownFields what a reader does with fields that are not listed
 * @see {@link https://json-schema.org/draft/2020-12/schema}
 */
export function schemaWords(unknownFields: 'ignored' | 'refused') {
  const text = { type: 'string' };
  const count = { type: 'integer', minimum: 0 };
  const oneOf = (...values: string[]) => ({ type: 'string', enum: values });
  const listOf = (items: object) => ({ type: 'array', items });
  const record = (required: Record<string, object>, optional: Record<string, object> = {}): RecordSchema => ({
    type: 'object',
    properties: { ...required, ...optional },
    required: Object.keys(required),
    ...(unknownFields === 'refused' && { additionalProperties: false }),
  });
  const location = record({ file: text, line: count }, { column: count });
  const effect = record({ type: oneOf(...effectTypes), what: text });
  const change = {
    anyOf: [
      record({ type: { const: 'value' }, path: text }, { have: {}, want: {} }),
      record({ type: { const: 'text' }, path: text }, { have: text, want: text }),
      record({ type: { const: 'secret' }, path: text, have: oneOf('absent', 'differs') }),
      record({ type: { const: 'unknown' }, path: text }),
    ],
  };
  return { text, count, oneOf, listOf, record, location, effect, change };
}
