import { ProvisionError } from '../core/errors.ts';
import { quote } from '../core/script.ts';
import { readRegularFile } from './read-regular-file.ts';

/**
 * The content of a file that only its owner may read, of at most 64 kB.
 * @throws ProvisionError `SECRET_SOURCE` when others may read it or it belongs to another user; Error with a message for
 *   people when it cannot be read
 */
export async function readPrivateFile(absolute: string): Promise<Uint8Array> {
  const { content, mode, uid } = await readRegularFile(absolute, maxSecretBytes);
  const own = process.getuid?.();
  if ((mode & 0o077) !== 0) {
    const octal = (mode & 0o777).toString(8).padStart(4, '0');
    throw refused(`${absolute} has mode ${octal}: others may read it`, `chmod 600 ${quote(absolute)}`);
  }
  if (own !== undefined && own !== 0 && uid !== own)
    throw refused(`${absolute} belongs to another user`, 'give a file of your own');
  return content;
}

/** A secret is a line, a key or a page; more is the wrong file. */
export const maxSecretBytes = 64 * 1024;

function refused(happened: string, remedy: string): ProvisionError {
  return new ProvisionError({ code: 'SECRET_SOURCE', happened, hostState: 'nothing was contacted', remedy });
}
