import { errorCodes } from '../core/errors.ts';
import { schemaWords, type RecordSchema } from '../core/schema-words.ts';

// Fields that are not listed may be added at any time.
const { text, count, oneOf, listOf, record, location, effect, change } = schemaWords('ignored');
const milliseconds = { type: 'number', minimum: 0 };

function event(
  name: string,
  required: Record<string, object>,
  optional: Record<string, object> = {},
): RecordSchema {
  return record({ event: { const: name }, ...required }, optional);
}

const problem = record(
  { code: oneOf(...Object.keys(errorCodes)), happened: text },
  {
    host: text,
    step: text,
    at: listOf(location),
    hostState: text,
    remedy: text,
    detail: text,
    permanent: { const: true },
  },
);

const hostSummary = record(
  { ok: count, changed: count, failed: count, skipped: count },
  { wouldChange: count, leftOut: count },
);

const mode = oneOf('apply', 'check');

/**
 * JSON Schema of one line of `--output jsonl`. The first line is the `start` event, which carries the version of this
 * schema; the last is the `summary`.
 * @see {@link https://json-schema.org/draft/2020-12/schema}
 */
export const runEventSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'One event of a run of provision, schema 1.0',
  anyOf: [
    event(
      'start',
      {
        schema: { const: '1.0' },
        mode,
        plays: listOf(
          record({
            name: text,
            hosts: listOf(record({ host: text, steps: listOf(text) }, { leftOut: listOf(text) })),
          }),
        ),
      },
      { slice: record({ index: count, of: count, plan: text, hosts: listOf(listOf(text)) }) },
    ),
    event('phase', { name: text, hosts: listOf(text) }, { batch: count, batches: count }),
    event('step-start', { host: text, play: text, step: text }),
    event('progress', { host: text, text }, { step: text }),
    event(
      'step',
      {
        host: text,
        step: text,
        status: oneOf('ok', 'changed', 'would-change', 'failed', 'skipped'),
        ms: milliseconds,
        play: text,
        at: listOf(location),
      },
      {
        tries: count,
        changes: listOf(change),
        effects: listOf(effect),
        precondition: text,
        figure: text,
        warning: text,
        reason: text,
        leftOut: { const: true },
        problems: listOf(problem),
      },
    ),
    event('notice', { level: oneOf('info', 'warning'), text }, { host: text }),
    event('summary', {
      hosts: { type: 'object', additionalProperties: hostSummary },
      exit: { type: 'integer', minimum: 0, maximum: 255 },
      mode,
      ms: milliseconds,
      notes: listOf(text),
    }),
  ],
} as const;
