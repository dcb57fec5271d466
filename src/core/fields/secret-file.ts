import { Secret } from '../secret.ts';
import { expectsFile, readLocal } from './local-file.ts';
import { defineField, type AskableField } from './value-field.ts';
import { problem } from './wrong.ts';

/** A secret file of the controller, such as a private key. */
export interface LocalSecretFile {
  /** Absolute. */
  readonly path: string;
  /** The content as UTF-8. */
  readonly secret: Secret;
  /** Permission bits. */
  readonly mode: number;
}

/**
 * A file of the controller whose content is secret. That others may read it is a warning that says how to close it.
 * @example
 * secretFile({ extensions: ['.pem', '.key'] }).ask('Private key')
 */
export function secretFile(
  options: { readonly extensions?: readonly string[] } = {},
): AskableField<LocalSecretFile> {
  return defineField<LocalSecretFile>({
    expects: expectsFile,
    isSecret: true,
    schema: { type: 'string', minLength: 1 },
    toQuestion: (message) => ({ type: 'path', message, ...options }),
    async parse(value, context) {
      const read = await readLocal(value, context);
      if ('problems' in read) return read;
      const { path, content, mode } = read;
      if ((mode & 0o077) !== 0) {
        const octal = (mode & 0o777).toString(8).padStart(4, '0');
        context.warn([], `${path} has mode ${octal}: others on this machine may read it; chmod 600 it`);
      }
      try {
        const text = new TextDecoder('utf-8', { fatal: true }).decode(content);
        return { value: Object.freeze({ path, secret: new Secret(text, path), mode: mode & 0o7777 }) };
      } catch {
        return problem(`${path} is not text`, 'give a PEM file, not DER or PFX');
      }
    },
  });
}
