import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import ssh2 from 'ssh2';
import type { BaseAgent, ParsedKey } from 'ssh2';
import { ProvisionError } from '../../core/errors.ts';
import type { Secret } from '../../core/secret.ts';
import type { AgentIdentity, HeldKeys } from './agent.ts';
import { askAgent, ChosenIdentities, identityOfCertificate } from './agent.ts';
import { whyNotNow } from '../identity/certificate.ts';
import type { CertificateFile } from './certificate-file.ts';
import { certificateProblem, findCertificate } from './certificate-file.ts';
import { inspectKeyFile } from './key-file.ts';
import type { Identity, SshTarget } from '../target.ts';
import { oneLine, targetError } from '../target.ts';
import { certifiedKey } from './user-certificates.ts';

/** One way to prove who we are. Each is tried at most once: repeated failures lock accounts and block addresses. */
export type Credential =
  | { readonly type: 'key'; readonly label: string; readonly key: ParsedKey }
  | { readonly type: 'agent'; readonly label: string; readonly agent: BaseAgent; readonly holds?: Buffer }
  | { readonly type: 'password'; readonly label: string; readonly password: Secret }
  /** Not tried, and why: for whoever wonders about the refusal. */
  | { readonly type: 'unusable'; readonly label: string };

// OpenSSH ends the connection at the sixth failed attempt (MaxAuthTries), and one is needed for a password.
const maxAgentIdentities = 4;

/**
 * Everything that may be tried on a target, best first; read before anything is contacted.
 * @throws ProvisionError `KEY_FILE` or `AUTH`
 */
export async function loadCredentials(target: SshTarget): Promise<Credential[]> {
  const identity =
    target.keyFile === undefined ? await manyIdentities(target) : await ownIdentity(target, target.keyFile);
  const { password } = target;
  const unusable = identity.filter(({ type }) => type === 'unusable');
  return [
    ...identity.filter(({ type }) => type !== 'unusable'),
    ...(password ? [{ type: 'password' as const, label: 'the password', password }] : []),
    ...unusable,
  ];
}

/** Named keys come first, as a person has chosen them; keys that nobody has named only where the agent has none: together they could be too many. */
async function manyIdentities(target: SshTarget): Promise<Credential[]> {
  const { identities = [], identitiesOnly = false } = target;
  const own: Credential[] = [];
  for (const identity of identities) own.push(...(await oneOfMany(target, identity)));
  const usable = own.filter(({ type }) => type !== 'unusable');
  const others = identitiesOnly ? [] : await otherIdentities(target, usable);
  if (!identities.every(({ isDefault }) => isDefault)) return [...own, ...others];
  return others.some(({ type }) => type === 'agent') ? others : [...own, ...others];
}

async function oneOfMany(target: SshTarget, identity: Identity): Promise<Credential[]> {
  const { keyFile, passphrase, certificateFile, isDefault } = identity;
  if (isDefault && !existsSync(keyFile)) return [];
  const { passphrase: _other, certificateFile: _none, ...rest } = target;
  const own = { ...rest, ...(passphrase && { passphrase }), ...(certificateFile && { certificateFile }) };
  try {
    return await ownIdentity(own, keyFile);
  } catch (error) {
    if (!isDefault || !(error instanceof ProvisionError)) throw error;
    return [{ type: 'unusable', label: error.problems[0].happened }];
  }
}

/** An agent that does not answer is a problem only where there is nothing else. */
async function otherIdentities(target: SshTarget, own: readonly Credential[]): Promise<Credential[]> {
  try {
    return await anyIdentity(target, own);
  } catch (error) {
    if (own.length === 0 || !(error instanceof ProvisionError)) throw error;
    return [{ type: 'unusable', label: error.problems[0].happened }];
  }
}

async function ownIdentity(target: SshTarget, keyFile: string): Promise<Credential[]> {
  const found = await inspectKeyFile(keyFile, target.passphrase);
  if ('key' in found) {
    const file = await ownCertificate(target, keyFile, found.key.getPublicSSH());
    const plain: Credential = { type: 'key', label: `key ${keyFile}`, key: found.key };
    if (!file) return [plain];
    if ('unusable' in file) return [plain, notTried(file)];
    const key = certifiedKey(found.key, file.certificate, file.wire);
    return [{ type: 'key', label: `certificate ${file.path}`, key }, plain];
  }
  const problem = new ProvisionError({ ...found.problem, host: target.name });
  if (!found.locked || target.agent === undefined) throw problem;
  return lockedIdentity(target, keyFile, target.agent, problem);
}

/** The key in the file is encrypted, but the agent may hold it opened. */
async function lockedIdentity(
  target: SshTarget,
  keyFile: string,
  socket: string,
  problem: ProvisionError,
): Promise<Credential[]> {
  const publicKey = await readFile(`${keyFile}.pub`, 'utf8').then(ssh2.utils.parseKey, () => undefined);
  if (!publicKey || publicKey instanceof Error) throw problem;
  const held = await reach(target, socket);
  const key = held.keys.find((candidate) => candidate.getPublicSSH().equals(publicKey.getPublicSSH()));
  if (!key) throw problem;
  const plain = { key, held: key.getPublicSSH() };
  const file = await ownCertificate(target, keyFile, plain.held);
  const certified =
    file && 'wire' in file ? identityOfCertificate(file.wire, plain.held)?.identity : undefined;
  const identities = certified ? [certified, plain] : [plain];
  const label = `${certified ? 'certificate and ' : ''}key ${keyFile} from the agent`;
  const agent = new ChosenIdentities(held.agent, socket, identities);
  return [
    { type: 'agent', label, agent, holds: plain.held },
    ...(file && 'unusable' in file ? [notTried(file)] : []),
  ];
}

/** As OpenSSH does, the plain key is tried when there is nothing good beside it; but not in silence when it was asked for. */
async function ownCertificate(
  target: SshTarget,
  keyFile: string,
  publicKey: Buffer,
): Promise<CertificateFile | undefined> {
  const { certificateFile } = target;
  const identity = { keyFile, ...(certificateFile !== undefined && { certificateFile }) };
  const file = await findCertificate(identity, publicKey, Date.now());
  if (file && 'unusable' in file && certificateFile !== undefined)
    throw new ProvisionError({ ...certificateProblem(file), host: target.name });
  return file;
}

function notTried({ path, unusable }: { path: string; unusable: string }): Credential {
  return { type: 'unusable', label: `certificate ${path}: ${unusable}` };
}

async function anyIdentity(target: SshTarget, own: readonly Credential[]): Promise<Credential[]> {
  if (target.agent === undefined) return [];
  const held = await reach(target, target.agent);
  const isTried = (key: Buffer) => own.some((credential) => publicKeyOf(credential)?.equals(key));
  const all = [
    ...validCertificates(held),
    ...held.keys.map((key) => ({ key, held: key.getPublicSSH() })),
  ].filter((identity) => !isTried(identity.held));
  const offered = all.slice(0, Math.max(0, maxAgentIdentities - own.length));
  if (offered.length === 0) return [];
  const some = offered.length < all.length ? `the first ${offered.length} of ${all.length}` : 'all';
  const agent = new ChosenIdentities(held.agent, target.agent, offered);
  return [{ type: 'agent', label: `${some} keys of the agent`, agent }];
}

function publicKeyOf(credential: Credential): Buffer | undefined {
  if (credential.type === 'agent') return credential.holds;
  return credential.type === 'key' ? credential.key.getPublicSSH() : undefined;
}

function validCertificates({ certificates }: HeldKeys): AgentIdentity[] {
  return certificates.flatMap((wire) => {
    const found = identityOfCertificate(wire);
    if (!found || found.certificate.role !== 'user') return [];
    return whyNotNow(found.certificate, Date.now()) === undefined ? [found.identity] : [];
  });
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
