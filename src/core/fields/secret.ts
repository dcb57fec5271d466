import type { Json } from '../change.ts';
import { ProvisionError } from '../errors.ts';
import type { Secret } from '../secret.ts';
import { defineField, type AskableField } from './value-field.ts';
import { problem, wrong } from './wrong.ts';

const expects =
  'the source of a secret: { env: NAME }, { file: PATH }, { command: [PROGRAM, ARGUMENT] }, { prompt: TEXT } or { age: PATH, name: NAME }';

// Shorter ones would be masked in half of all words, so they are not masked at all.
const shortestMasked = 6;

/**
 * A secret, given by where it is: `{ env: NAME }`, `{ file: PATH }` (mode 0600), `{ command: [...] }` (no shell),
 * `{ prompt: TEXT }` (asked at the terminal) or `{ age: PATH, name: NAME }` (a file that age has encrypted). A secret that
 * stands in the inventory itself is refused.
 * @example
 * record({ username: text(), password: secret() })
 */
export function secret(): AskableField<Secret> {
  return defineField<Secret>({
    expects,
    schema: secretSchema,
    isSecret: true,
    toQuestion: (message) => ({ type: 'secret', message }),
    async parse(value, context) {
      if (value === null || value === undefined) return wrong(expects, value);
      try {
        const read = await context.readSecret(value, '');
        if (read.reveal().length < shortestMasked) {
          context.warn([], `has fewer than ${shortestMasked} characters, too few to be masked in output`);
        }
        return { value: read };
      } catch (error) {
        // A refusal of trust keeps its code, and with it the exit status.
        if (error instanceof ProvisionError) throw error;
        return problem(error instanceof Error ? error.message : 'cannot be read', `give ${expects}`);
      }
    },
  });
}

const source = (key: string, schema: Json, optional: Readonly<Record<string, Json>> = {}): Json => ({
  type: 'object',
  properties: { [key]: schema, ...optional },
  required: [key],
  additionalProperties: false,
});

const secretSchema = {
  anyOf: [
    source('env', { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }),
    source('file', { type: 'string', minLength: 1 }),
    source('command', { type: 'array', items: { type: 'string' }, minItems: 1 }),
    source('prompt', { type: 'string', minLength: 1 }),
    source('age', { type: 'string', minLength: 1 }, { name: { type: 'string', minLength: 1 } }),
  ],
};
