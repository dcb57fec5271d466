import type { ProvisionError } from '../core/errors.ts';
import { handshake } from './handshake.ts';
import type { Verdict } from './host-identity.ts';
import { judgeHostKey, preferredAlgorithms } from './host-identity.ts';
import { fingerprint, keyType, knownHostLine, knownHostName } from './known-hosts.ts';
import { appendKnownHosts, readKnownHosts } from './known-hosts-file.ts';
import { openSocket, PassingFailure, retryWhilePassing } from './open-socket.ts';
import type { ShownHostKey } from './shown-host-key.ts';
import { readShownHostKey } from './shown-host-key.ts';
import type { SshTarget } from './target.ts';
import { targetError } from './target.ts';

/** The key by which a host has proven its identity, and what known_hosts say of it. */
export interface ScannedHostKey {
  /** Name in the inventory. */
  readonly host: string;
  /** `ssh-ed25519`. */
  readonly type: string;
  /** `SHA256:…` */
  readonly fingerprint: string;
  /** The line that makes it known. */
  readonly line: string;
  readonly status: Verdict['verdict'];
}

/**
 * Asks a host for its key, without a login: no user name and no secret is sent.
 * @throws ProvisionError `DNS`, `CONN_REFUSED`, `CONN_TIMEOUT`, `CONN_LOST`, `NOT_SSH` or `ALGORITHM`
 * @example
 * const { fingerprint, line } = await scanHostKey(target, { files: [knownHosts], connectTimeoutMs: 10_000 });
 */
export async function scanHostKey(
  target: SshTarget,
  options: {
    readonly files: readonly string[];
    readonly connectTimeoutMs: number;
    readonly signal?: AbortSignal;
  },
): Promise<ScannedHostKey> {
  const knownHosts = await readKnownHosts(options.files);
  const shown = await retryWhilePassing(async () => {
    const socket = await openSocket(target, options.connectTimeoutMs, options.signal);
    return provenKey(target, socket, preferredAlgorithms(target, knownHosts), options.connectTimeoutMs);
  }, options.signal);
  const { key } = shown;
  return {
    host: target.name,
    type: keyType(key) ?? 'unknown',
    fingerprint: fingerprint(key),
    line: knownHostLine(knownHostName(target.address, target.port), key),
    status: judgeHostKey(shown, target, knownHosts, Date.now()).verdict,
  };
}

/**
 * Adds a scanned key to a known_hosts file, which is made with mode 0600 when it is absent.
 * @throws ProvisionError `HOSTKEY_CHANGED` or `HOSTKEY_REVOKED` unless the key was new or known: an old entry is for a person to remove
 * @example
 * trustHostKey('/home/me/.ssh/known_hosts', target, scanned);
 */
export function trustHostKey(file: string, target: SshTarget, scanned: ScannedHostKey): void {
  if (scanned.status === 'known' || scanned.status === 'vouched') return;
  if (scanned.status !== 'new') {
    const code = scanned.status === 'revoked' ? 'HOSTKEY_REVOKED' : 'HOSTKEY_CHANGED';
    const happened = `${target.name} shows ${scanned.type} ${scanned.fingerprint}, which does not agree with what is known`;
    throw targetError(target, code, happened, {
      remedy: 'check the fingerprint on the console of the host and remove the old entry by hand',
    });
  }
  const key = Buffer.from(scanned.line.split(' ')[2] ?? '', 'base64');
  appendKnownHosts(file, [{ name: knownHostName(target.address, target.port), key }]);
}

async function provenKey(
  target: SshTarget,
  socket: Awaited<ReturnType<typeof openSocket>>,
  algorithms: ReturnType<typeof preferredAlgorithms>,
  timeoutMs: number,
): Promise<ShownHostKey> {
  let shown: ShownHostKey | undefined;
  let proven: ProvisionError | undefined;
  try {
    await handshake(socket, {
      target,
      credentials: [],
      algorithms,
      verifyHost: (wire) => void (shown = readShownHostKey(wire)),
      // Refusing to go on here ends the connection before the user is named.
      onIdentityProven: () => {
        proven = targetError(target, 'CONN_LOST', 'the key was all that was asked for');
        throw proven;
      },
      timeoutMs,
      keepalive: { intervalMs: 0, countMax: 0 },
    });
  } catch (error) {
    if (!proven || !shown || error instanceof PassingFailure) throw error;
    return shown;
  }
  throw targetError(target, 'ALGORITHM', 'the host skipped the proof of its identity');
}
