import type { Duplex } from 'node:stream';
import { NodeSSH } from 'node-ssh';
import type { AuthHandlerMiddleware, Client, NegotiatedAlgorithms, ServerHostKeyAlgorithm } from 'ssh2';
import { ProvisionError } from '../../core/errors.ts';
import { Authentication } from './authenticate.ts';
import { isCertificateType } from '../identity/certificate.ts';
import type { Credential } from './credentials.ts';
import { AlgorithmLists } from '../identity/algorithm-lists.ts';
import { explainHandshake } from './handshake-failure.ts';
import { offerHostCertificates } from '../identity/host-certificates.ts';
import type { SshTarget } from '../target.ts';
import { targetError } from '../target.ts';
import { allowUserCertificates } from './user-certificates.ts';

export interface HandshakeOptions {
  readonly target: SshTarget;
  readonly credentials: readonly Credential[];
  /** Host key algorithms in the order in which they are asked for, those with certificates among them. */
  readonly algorithms: readonly string[];
  /**
   * Decides over the host key, or the certificate that was shown instead. Anything thrown here refuses the host. Called again at each renewal of the session keys.
   * There is no default: without it node-ssh would take any host for ours.
   */
  verifyHost(key: Buffer): void;
  /** Called once the host has proven that it holds the key, before anything about the user is sent. May throw. */
  onIdentityProven(): void;
  readonly timeoutMs: number;
  readonly keepalive: { readonly intervalMs: number; readonly countMax: number };
}

/**
 * Makes an SSH connection out of a socket. This is all that node-ssh is used for: the client behind it is ours afterwards.
 * @throws ProvisionError, or PassingFailure around one, for every way in which a handshake can go wrong
 */
export async function handshake(socket: Duplex, options: HandshakeOptions): Promise<Client> {
  const { target } = options;
  let refusal: ProvisionError | undefined;
  const refuse = (error: unknown) => {
    refusal ??= asRefusal(target, error);
    socket.destroy();
  };
  const authentication = new Authentication(target, options.credentials, refuse);
  const firstBytes = recordFirstBytes(socket);

  const lists = new AlgorithmLists();
  const plain = options.algorithms.filter((name) => !isCertificateType(name));
  const ssh = new NodeSSH();
  const opening = ssh.connect({
    sock: socket,
    username: target.user,
    readyTimeout: options.timeoutMs,
    keepaliveInterval: options.keepalive.intervalMs,
    keepaliveCountMax: options.keepalive.countMax,
    debug: (line) => lists.note(line),
    algorithms: { serverHostKey: plain as ServerHostKeyAlgorithm[] },
    hostVerifier: (key: Buffer) => attempt(() => options.verifyHost(key), refuse),
    authHandler: ((methods, _partial, next) => {
      const method = authentication.next(methods);
      // The types know no "false", which is how ssh2 is told that nothing is left to try.
      next(method as Exclude<typeof method, false>);
    }) satisfies AuthHandlerMiddleware,
  });
  const client = ssh.connection;
  if (client) {
    if (plain.length < options.algorithms.length)
      attempt(() => offerHostCertificates(client, options.algorithms), refuse);
    attempt(() => allowUserCertificates(client), refuse);
    // node-ssh removes its only error listener once it is connected; without one, a dead host ends the whole process.
    client.on('error', () => undefined);
    client.setMaxListeners(0);
    client.once('handshake', (negotiated) => {
      silence(client);
      attempt(() => provenIdentity(client, negotiated, options), refuse);
    });
    client.on('change password', () => refuse(passwordExpired(target)));
  }
  try {
    await opening;
    return client!;
  } catch (error) {
    socket.destroy();
    throw refusal ?? explainHandshake(target, error, firstBytes().toString('latin1'), authentication, lists);
  }
}

/** Notes are wanted of the negotiation only: later there would be some for every packet. */
function silence(client: Client): void {
  const { _protocol: protocol } = client as unknown as { _protocol?: { _debug: unknown } };
  if (protocol) protocol._debug = undefined;
}

function attempt(check: () => void, refuse: (error: unknown) => void): boolean {
  try {
    check();
    return true;
  } catch (error) {
    refuse(error);
    return false;
  }
}

function provenIdentity(client: Client, negotiated: NegotiatedAlgorithms, options: HandshakeOptions): void {
  const { _protocol: protocol } = client as unknown as { _protocol?: { _strictMode?: boolean } };
  const ciphers = [negotiated.cs.cipher, negotiated.sc.cipher];
  // CVE-2023-48795: without strict key exchange, messages could be cut from the start of such a connection unseen.
  if (protocol?._strictMode !== true && ciphers.includes('chacha20-poly1305@openssh.com')) {
    throw targetError(
      options.target,
      'ALGORITHM',
      'the host offers only chacha20-poly1305 without strict key exchange',
      {
        hostState: 'host untouched',
        remedy: 'update the SSH server, or enable an aes-gcm or aes-ctr cipher there (CVE-2023-48795)',
      },
    );
  }
  options.onIdentityProven();
}

/** Ends a connection on which too much is said before the identification: the RFC sets no limit, and ssh2 none. */
function recordFirstBytes(socket: Duplex): () => Buffer {
  const chunks: Buffer[] = [];
  let size = 0;
  let end = '\n';
  let isIdentified = false;
  // Paused first: a listener would set the data flowing before ssh2 is there to see it.
  socket.pause();
  const record = (chunk: Buffer) => {
    if (size < 256) chunks.push(chunk.subarray(0, 256));
    size += chunk.length;
    const text = end + chunk.toString('latin1');
    isIdentified ||= text.includes('\nSSH-');
    end = text.slice(-4);
    const tooMuch = !isIdentified && size > maxPreambleBytes;
    if (tooMuch) socket.destroy();
    if (tooMuch || (isIdentified && size >= 256)) socket.off('data', record);
  };
  socket.on('data', record);
  return () => Buffer.concat(chunks).subarray(0, 256);
}

const maxPreambleBytes = 64 * 1024;

function asRefusal(target: SshTarget, error: unknown): ProvisionError {
  if (error instanceof ProvisionError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return targetError(target, 'HOSTKEY_UNKNOWN', `the host key could not be checked: ${reason}`, {
    hostState: 'host untouched',
    remedy: 'make the known_hosts file readable and writable; what cannot be checked is not trusted',
    cause: error,
  });
}

function passwordExpired(target: SshTarget): ProvisionError {
  return targetError(
    target,
    'AUTH',
    `the password of ${target.user} has expired and the host wants a new one`,
    {
      hostState: 'host untouched',
      remedy: `log in by hand once as ${target.user} and set a new password`,
    },
  );
}
