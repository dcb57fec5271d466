import { ProvisionError } from '../../core/errors.ts';
import { handshake } from '../log-in/handshake.ts';
import type { Verdict } from './host-identity.ts';
import { underAlias } from './host-keys.ts';
import { algorithmAttempts, judgeHostKey } from './host-identity.ts';
import type { KnownHost } from './known-hosts.ts';
import { fingerprint, keyType, knownHostLine, knownHostName } from './known-hosts.ts';
import { appendKnownHosts } from './known-hosts-file.ts';
import type { JumpHosts } from '../log-in/jump-hosts.ts';
import { PassingFailure, retryWhilePassing } from '../log-in/open-socket.ts';
import { openStream } from '../log-in/open-stream.ts';
import type { ShownHostKey } from './shown-host-key.ts';
import { readShownHostKey } from './shown-host-key.ts';
import type { SshTarget } from '../target.ts';
import { targetError } from '../target.ts';

/** The key by which a host has proven its identity, and what is known of it. */
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
  /** What speaks for the host or against it: the key that is known instead, the authority that vouches, what is revoked. */
  readonly known?: { readonly type?: string; readonly fingerprint: string; readonly where: string };
  /** What became of the certificate that could have helped. */
  readonly why?: string;
}

export interface ScanOptions {
  readonly knownHosts: readonly KnownHost[];
  readonly connectTimeoutMs: number;
  readonly signal?: AbortSignal;
  /** Needed for hosts behind a jump host. It is logged in to, as it must be. */
  readonly jumpHosts?: JumpHosts;
}

/**
 * Asks a host for its key, without a login: no user name and no secret is sent. Of several keys it is the one that a login
 * would see: of a type by which the host is known, else the best, so that a person has one fingerprint a host to compare.
 * @throws ProvisionError `DNS`, `CONN_REFUSED`, `CONN_TIMEOUT`, `CONN_LOST`, `NOT_SSH` or `ALGORITHM`; what `signal` was aborted with
 * @example
 * const knownHosts = await readKnownHosts(['/home/me/.ssh/known_hosts']);
 * const { fingerprint, line } = await scanHostKey(target, { knownHosts, connectTimeoutMs: 10_000 });
 */
export async function scanHostKey(target: SshTarget, options: ScanOptions): Promise<ScannedHostKey> {
  let first: ScannedHostKey | undefined;
  const named = underAlias(target);
  for (const algorithms of algorithmAttempts(named, options.knownHosts)) {
    try {
      const shown = await retryWhilePassing(() => provenKey(target, algorithms, options), options.signal);
      const scanned = judged(named, shown, options.knownHosts);
      if (scanned.status !== 'not-pinned') return scanned;
      first ??= scanned;
    } catch (error) {
      options.signal?.throwIfAborted();
      // The host has no key of this type.
      if (!first || !(error instanceof ProvisionError) || error.code !== 'ALGORITHM') throw error;
    }
  }
  return first!;
}

function judged(target: SshTarget, shown: ShownHostKey, knownHosts: readonly KnownHost[]): ScannedHostKey {
  const verdict = judgeHostKey(shown, target, knownHosts, Date.now());
  const known = whatIsKnown(verdict);
  const why = 'why' in verdict ? verdict.why : undefined;
  return {
    host: target.name,
    type: keyType(shown.key) ?? 'unknown',
    fingerprint: fingerprint(shown.key),
    line: knownHostLine(knownHostName(target.address, target.port), shown.key),
    status: verdict.verdict,
    ...(known && { known }),
    ...(why !== undefined && { why }),
  };
}

function whatIsKnown(verdict: Verdict): ScannedHostKey['known'] {
  switch (verdict.verdict) {
    case 'vouched':
      return { fingerprint: fingerprint(verdict.by.key), where: verdict.by.where };
    case 'changed':
      return lineOf(verdict.expected);
    case 'revoked':
      return lineOf(verdict.by);
    case 'not-pinned':
      return { fingerprint: verdict.expected, where: 'fingerprint in the inventory' };
    case 'known':
    case 'new':
    case 'not-vouched':
      return undefined;
  }
}

function lineOf({ type, key, file, line }: KnownHost) {
  return { type, fingerprint: fingerprint(key), where: `${file}:${line}` };
}

/**
 * Adds scanned keys to a known_hosts file, which is made with mode 0600 when it is absent. Known ones are left as they are,
 * and hosts that an authority vouches for need no line.
 * @throws ProvisionError `HOSTKEY_CHANGED`, `HOSTKEY_REVOKED` or `HOSTKEY_UNKNOWN` when one may not be trusted: an old entry is for
 *   a person to remove. Nothing is stored then.
 * @example
 * trustHostKeys('/home/me/.ssh/known_hosts', [{ target, scanned }]);
 */
export function trustHostKeys(
  file: string,
  hosts: readonly { readonly target: SshTarget; readonly scanned: ScannedHostKey }[],
): void {
  for (const { target, scanned } of hosts) refuseUntrusted(target, scanned);
  appendKnownHosts(
    file,
    hosts
      .filter(({ scanned }) => scanned.status === 'new')
      .map(({ target, scanned }) => ({ named: underAlias(target), scanned }))
      .map(({ named, scanned }) => ({
        name: knownHostName(named.address, named.port),
        key: Buffer.from(scanned.line.split(' ')[2] ?? '', 'base64'),
      })),
  );
}

function refuseUntrusted(target: SshTarget, { status, type, fingerprint: shown }: ScannedHostKey): void {
  if (status === 'known' || status === 'vouched' || status === 'new') return;
  const codes = {
    revoked: 'HOSTKEY_REVOKED',
    changed: 'HOSTKEY_CHANGED',
    'not-pinned': 'HOSTKEY_CHANGED',
    'not-vouched': 'HOSTKEY_UNKNOWN',
  } as const;
  const happened = `${target.name} shows ${type} ${shown}, which does not agree with what is known`;
  throw targetError(target, codes[status], happened, {
    remedy: 'check the fingerprint on the console of the host and remove the old entry by hand',
  });
}

async function provenKey(
  target: SshTarget,
  algorithms: readonly string[],
  { connectTimeoutMs: usualTimeoutMs, signal, jumpHosts }: ScanOptions,
): Promise<ShownHostKey> {
  const { connectTimeoutMs = usualTimeoutMs } = target;
  const reachJump = (jump: SshTarget) => jumpHosts!.reach(jump, signal);
  const { stream: socket } = await openStream(target, connectTimeoutMs, reachJump, signal);
  let shown: ShownHostKey | undefined;
  let proven: ProvisionError | undefined;
  const abort = () => socket.destroy();
  signal?.addEventListener('abort', abort, { once: true });
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
      timeoutMs: connectTimeoutMs,
      keepalive: { intervalMs: 0, countMax: 0 },
    });
  } catch (error) {
    if (!proven || !shown || error instanceof PassingFailure) throw error;
    return shown;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
  throw targetError(target, 'ALGORITHM', 'the host skipped the proof of its identity');
}
