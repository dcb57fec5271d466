import { readFile } from 'node:fs/promises';
import ssh2 from 'ssh2';
import { askAgent } from './agent.ts';
import { inspectKeyFile } from './key-file.ts';

/**
 * Whether a key file can be used only with a passphrase: it is encrypted, and the agent does not hold its key either.
 * @param agent path of the agent's socket
 * @example
 * if (await needsPassphrase('/home/me/.ssh/id_ed25519')) …
 */
export async function needsPassphrase(keyFile: string, agent?: string): Promise<boolean> {
  const found = await inspectKeyFile(keyFile);
  if ('key' in found || !found.locked) return false;
  if (agent === undefined) return true;
  const publicKey = await readFile(`${keyFile}.pub`, 'utf8').then(ssh2.utils.parseKey, () => undefined);
  if (!publicKey || publicKey instanceof Error) return true;
  const held = await askAgent(agent).catch(() => undefined);
  return held?.keys.some((key) => key.getPublicSSH().equals(publicKey.getPublicSSH())) !== true;
}
