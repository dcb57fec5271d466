import type { FieldProblem } from '../core/field.ts';
import { text } from '../core/fields/text.ts';
import { defineField, type ValueField } from '../core/fields/value-field.ts';
import { problem } from '../core/fields/wrong.ts';

const expects = 'a public key as ssh-keygen writes it: ssh-ed25519 AAAA…';

/** One or several public SSH keys, each as `ssh-ed25519 AAAA…`; comments are dropped. */
export function publicKeys(): ValueField<readonly string[]> {
  const one = text({ expects, maxLength: 16_384 });
  return defineField<readonly string[]>({
    expects: `${expects}, or a list of them`,
    schema: { anyOf: [one.schema, { type: 'array', items: one.schema, minItems: 1 }] },
    async parse(value, context) {
      const entries: readonly unknown[] = Array.isArray(value) ? value : [value];
      if (entries.length === 0) return problem('is an empty list', `write ${expects}`);
      const keys: string[] = [];
      const problems: FieldProblem[] = [];
      for (const [index, entry] of entries.entries()) {
        const path = Array.isArray(value) ? [index] : [];
        const parsed = await one.parse(entry, context);
        if ('problems' in parsed) problems.push(...parsed.problems.map((found) => ({ ...found, path })));
        else {
          const [type = '', base64 = ''] = parsed.value.trim().split(/\s+/);
          if (isPublicKey(type, base64)) keys.push(`${type} ${base64}`);
          else
            problems.push({ path, happened: `must be ${expects}`, remedy: 'copy the line of the .pub file' });
        }
      }
      return problems.length > 0 ? { problems } : { value: Object.freeze(keys) };
    },
  });
}

const types = /^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa)$/;

/** The bytes of a key begin with the name of its type. */
function isPublicKey(type: string, base64: string): boolean {
  if (!types.test(type) || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return false;
  const bytes = Buffer.from(base64, 'base64');
  const start = 4 + type.length;
  return (
    bytes.length > start &&
    bytes.readUInt32BE(0) === type.length &&
    bytes.toString('latin1', 4, start) === type
  );
}
