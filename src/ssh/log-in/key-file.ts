import { readFile, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import ssh2 from 'ssh2';
import type { ParsedKey } from 'ssh2';
import type { Problem } from '../../core/errors.ts';
import { ProvisionError } from '../../core/errors.ts';
import { quote } from '../../core/script.ts';
import type { Secret } from '../../core/secret.ts';
import { oneLine } from '../target.ts';

/**
 * The private key in a file that only its owner can read.
 * @throws ProvisionError `KEY_FILE` when it is missing, readable by others, encrypted, damaged or of an unknown kind
 * @example
 * const key = await loadKey('/home/me/.ssh/id_ed25519', new Secret('…', 'passphrase'));
 */
export async function loadKey(path: string, passphrase?: Secret): Promise<ParsedKey> {
  const found = await inspectKeyFile(path, passphrase);
  if ('key' in found) return found.key;
  throw new ProvisionError(found.problem);
}

/**
 * What is wrong with a key file, or undefined. Contacts nothing, so all key files of a run can be checked at its start.
 * A key that is encrypted is no problem when an agent may hold it.
 * @example
 * const problem = await checkKeyFile('/home/me/.ssh/id_ed25519');
 */
export async function checkKeyFile(
  path: string,
  options: { passphrase?: Secret; agent?: string } = {},
): Promise<Problem | undefined> {
  const found = await inspectKeyFile(path, options.passphrase);
  if ('key' in found || (found.locked && options.agent !== undefined)) return undefined;
  return found.problem;
}

export type InspectedKey =
  | { readonly key: ParsedKey }
  /** `locked`: nothing is wrong except that it is encrypted and no passphrase was given. */
  | { readonly problem: Problem; readonly locked: boolean };

export async function inspectKeyFile(path: string, passphrase?: Secret): Promise<InspectedKey> {
  const unreadable = await whyUnsafe(path);
  if (unreadable) return unreadable;
  const content = await readFile(path);
  const parsed = ssh2.utils.parseKey(content, passphrase?.reveal());
  content.fill(0);
  // The types say that one key comes back; the newer OpenSSH format gives a list of one.
  const key: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
  if (key instanceof Error) return whyUnusable(path, key.message, passphrase !== undefined);
  if ((key as ParsedKey).isPrivateKey()) return { key: key as ParsedKey };
  return fault(`${path} holds a public key, not a private one`, 'name the file without .pub');
}

async function whyUnsafe(path: string): Promise<InspectedKey | undefined> {
  const state = await stat(path).catch((error: unknown) => error as NodeJS.ErrnoException);
  if (state instanceof Error) {
    const reason =
      state.code === 'ENOENT' ? 'does not exist' : `cannot be read (${state.code ?? state.message})`;
    return fault(
      `key file ${path} ${reason}`,
      'check the path in the inventory, or make a key with ssh-keygen',
    );
  }
  if (!state.isFile()) return fault(`${path} is not a regular file`, 'name the file of a private key');
  if (state.size > 64 * 1024)
    return fault(`${path} has ${state.size} bytes, too many for a key`, 'name a private key');

  const mode = (state.mode & 0o777).toString(8).padStart(4, '0');
  if ((state.mode & 0o077) !== 0) {
    return fault(`key file ${path} has mode ${mode}: others may use it`, `chmod 600 ${quote(path)}`);
  }
  const { uid, username } = userInfo();
  // Root can read every key anyway; for all others somebody else's key is somebody else's to change.
  if (uid > 0 && state.uid !== uid) {
    const remedy = `chown ${quote(username)} ${quote(path)} && chmod 600 ${quote(path)}`;
    return fault(`key file ${path} belongs to the user with id ${state.uid}, not to ${username}`, remedy);
  }
  return undefined;
}

function whyUnusable(path: string, reason: string, hasPassphrase: boolean): InspectedKey {
  if (/no passphrase given/i.test(reason)) {
    const remedy = `give its passphrase, or load it into an SSH agent: ssh-add ${quote(path)}`;
    return fault(`key file ${path} is encrypted and no passphrase was given`, remedy, true);
  }
  if (hasPassphrase && /integrity check failed|bad decrypt|passphrase/i.test(reason)) {
    return fault(`the passphrase does not open key file ${path}`, 'check the passphrase');
  }
  const remedy =
    'use an Ed25519, ECDSA or RSA key in the format of ssh-keygen; a security key (FIDO) only through an SSH agent';
  return fault(`key file ${path} cannot be used: ${oneLine(reason)}`, remedy);
}

function fault(happened: string, remedy: string, locked = false): InspectedKey {
  return { problem: { code: 'KEY_FILE', happened, remedy }, locked };
}
