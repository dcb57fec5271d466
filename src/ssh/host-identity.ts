import { timingSafeEqual } from 'node:crypto';
import type { ServerHostKeyAlgorithm } from 'ssh2';
import type { KnownHost } from './known-hosts.ts';
import { coversHost, fingerprint, keyType, knownHostName } from './known-hosts.ts';

/** What a host key means for the question whether to go on. Only `known` and `new` with consent may go on. */
export type Verdict =
  | { readonly verdict: 'known' }
  | { readonly verdict: 'new'; readonly authorities: boolean }
  | { readonly verdict: 'revoked'; readonly by: KnownHost }
  | { readonly verdict: 'changed'; readonly expected: KnownHost }
  | { readonly verdict: 'not-pinned'; readonly expected: string };

/**
 * Decides over a host key. Pure, so that the whole table of cases can be tested.
 *
 * A pin decides alone, but a revoked key stays revoked. A host that is known by keys of other types only is "changed",
 * not "new": whoever sits in between and cannot forge the known key would offer one of another type.
 */
export function judgeHostKey(
  key: Buffer,
  host: { readonly address: string; readonly port: number; readonly fingerprint?: string },
  knownHosts: readonly KnownHost[],
): Verdict {
  const name = knownHostName(host.address, host.port);
  const own = knownHosts.filter((known) => coversHost(known.hosts, name));
  const revoked = own.find((known) => known.marker === 'revoked' && known.key.equals(key));
  if (revoked) return { verdict: 'revoked', by: revoked };

  if (host.fingerprint !== undefined) {
    const pinned = equalText(fingerprint(key), host.fingerprint);
    return pinned ? { verdict: 'known' } : { verdict: 'not-pinned', expected: host.fingerprint };
  }

  const plain = own.filter((known) => known.marker === undefined);
  if (plain.some((known) => known.key.equals(key))) return { verdict: 'known' };
  const expected = plain.find((known) => known.type === keyType(key)) ?? plain[0];
  if (expected) return { verdict: 'changed', expected };

  // As OpenSSH does: the same key under the bare name vouches for another port of that host.
  const bare = knownHosts.filter((known) => coversHost(known.hosts, host.address.toLowerCase()));
  const bareRevoked = bare.find((known) => known.marker === 'revoked' && known.key.equals(key));
  if (bareRevoked) return { verdict: 'revoked', by: bareRevoked };
  if (bare.some((known) => known.marker === undefined && known.key.equals(key))) return { verdict: 'known' };
  return { verdict: 'new', authorities: own.some((known) => known.marker === 'cert-authority') };
}

// SHA-1 signatures (ssh-rsa) are left out, as OpenSSH does since 8.8; every server since 7.2 signs RSA with SHA-2.
const algorithms: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/**
 * Host key algorithms in the order in which they are asked for: first the types by which the host is known,
 * or a host with a known Ed25519 key and an unknown ECDSA key would look like another machine.
 */
export function preferredAlgorithms(
  host: { readonly address: string; readonly port: number },
  knownHosts: readonly KnownHost[],
): ServerHostKeyAlgorithm[] {
  const name = knownHostName(host.address, host.port);
  const types = new Set(
    knownHosts
      .filter((known) => known.marker === undefined && coversHost(known.hosts, name))
      .map((known) => known.type),
  );
  const isKnown = (algorithm: string) => types.has(algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm);
  return [...algorithms.filter(isKnown), ...algorithms.filter((algorithm) => !isKnown(algorithm))];
}

function equalText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
