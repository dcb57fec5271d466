import { schemaWords } from '../core/schema-words.ts';

// A field that is not understood may be the one that matters.
const { text, oneOf, listOf, record, location, effect, change } = schemaWords('refused');
const hash = { type: 'string', pattern: '^[0-9a-f]{64}$' };

const step = record(
  {
    id: text,
    at: listOf(location),
    status: oneOf('ok', 'would-change', 'known-after-apply', 'skipped'),
    want: hash,
    changes: listOf(change),
    effects: listOf(effect),
  },
  { precondition: hash, reason: text },
);

const choices = record(
  {
    limit: listOf(text),
    only: listOf(text),
    skip: listOf(text),
    tags: listOf(text),
    skipTags: listOf(text),
    skipRequirement: listOf(text),
  },
  { startAt: text, slice: { type: 'string', pattern: String.raw`^[1-9]\d{0,3}/[1-9]\d{0,3}$` } },
);

/**
 * JSON Schema of the file that `provision plan -o FILE` writes; `docs/plan.schema.json` is the same.
 * @see {@link https://json-schema.org/draft/2020-12/schema}
 */
export const planFileSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'A plan of provision, version 1',
  ...record(
    {
      version: { const: 1 },
      made: { type: 'string', pattern: String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$` },
      provision: text,
      inventory: text,
      salt: { type: 'string', pattern: '^[0-9a-f]{32}$' },
      input: hash,
      options: choices,
      plays: listOf(record({ name: text, hosts: listOf(record({ host: text, steps: listOf(step) })) })),
    },
    { playbook: text },
  ),
} as const;
