import { readFile } from 'node:fs/promises';
import ssh2 from 'ssh2';
import type { BaseAgent, ParsedKey } from 'ssh2';
import { ProvisionError } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';
import { askAgent, ChosenIdentities } from './agent.ts';
import { inspectKeyFile } from './key-file.ts';
import type { SshTarget } from './target.ts';
import { oneLine, targetError } from './target.ts';

/** One way to prove who we are. Each is tried at most once: repeated failures lock accounts and block addresses. */
export type Credential =
  | { readonly type: 'key'; readonly label: string; readonly key: ParsedKey }
  | { readonly type: 'agent'; readonly label: string; readonly agent: BaseAgent }
  | { readonly type: 'password'; readonly label: string; readonly password: Secret };

// OpenSSH ends the connection at the sixth failed attempt (MaxAuthTries), and one is needed for a password.
const maxAgentIdentities = 4;

/**
 * Everything that may be tried on a target, best first; read before anything is contacted.
 * @throws ProvisionError `KEY_FILE` or `AUTH`
 */
export async function loadCredentials(target: SshTarget): Promise<Credential[]> {
  const identity =
    target.keyFile === undefined ? await anyIdentity(target) : await ownIdentity(target, target.keyFile);
  const { password } = target;
  return [...identity, ...(password ? [{ type: 'password' as const, label: 'the password', password }] : [])];
}

async function ownIdentity(target: SshTarget, keyFile: string): Promise<Credential[]> {
  const found = await inspectKeyFile(keyFile, target.passphrase);
  if ('key' in found) return [{ type: 'key', label: `key ${keyFile}`, key: found.key }];
  const problem = new ProvisionError({ ...found.problem, host: target.name });
  if (!found.locked || target.agent === undefined) throw problem;

  const publicKey = await readFile(`${keyFile}.pub`, 'utf8').then(ssh2.utils.parseKey, () => undefined);
  if (!publicKey || publicKey instanceof Error) throw problem;
  const { agent, identities } = await reach(target, target.agent);
  const same = identities.filter((candidate) => candidate.getPublicSSH().equals(publicKey.getPublicSSH()));
  if (same.length === 0) throw problem;
  return [
    { type: 'agent', label: `key ${keyFile} from the agent`, agent: new ChosenIdentities(agent, same) },
  ];
}

async function anyIdentity(target: SshTarget): Promise<Credential[]> {
  if (target.agent === undefined) return [];
  const { agent, identities } = await reach(target, target.agent);
  const offered = identities.slice(0, maxAgentIdentities);
  if (offered.length === 0) return [];
  const some =
    offered.length < identities.length ? `the first ${offered.length} of ${identities.length}` : 'all';
  return [{ type: 'agent', label: `${some} keys of the agent`, agent: new ChosenIdentities(agent, offered) }];
}

async function reach(target: SshTarget, socket: string): ReturnType<typeof askAgent> {
  try {
    return await askAgent(socket);
  } catch (error) {
    const reason = oneLine(error instanceof Error ? error.message : String(error));
    throw targetError(target, 'AUTH', `the SSH agent at ${socket} cannot be used: ${reason}`, {
      hostState: 'nothing was contacted',
      remedy: 'start ssh-agent and ssh-add the key, or name a key file in the inventory',
      cause: error,
    });
  }
}
