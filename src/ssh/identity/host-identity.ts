import { timingSafeEqual } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import { whyNotNow } from './certificate.ts';
import { certificateAlgorithm } from './host-certificates.ts';
import type { KnownHost } from './known-hosts.ts';
import { coversHost, fingerprint, keyType, knownHostName } from './known-hosts.ts';
import type { ShownHostKey } from './shown-host-key.ts';
import { oneLine } from '../target.ts';

/** What is known of a host before it is asked. */
export interface ExpectedHost {
  readonly address: string;
  readonly port: number;
  /** Pins the key. */
  readonly fingerprint?: string;
  /** Pins the authorities that may vouch for it: `ssh-ed25519 AAAA…`. */
  readonly hostCertificateAuthorities?: readonly string[];
}

/** Who may vouch for a host by a certificate, and where that is said. */
export interface HostAuthority {
  readonly key: Buffer;
  /** `/home/me/.ssh/known_hosts:3`. */
  readonly where: string;
}

/** What a host key means for the question whether to go on. Only `known`, `vouched`, and `new` with consent may go on. */
export type Verdict =
  | { readonly verdict: 'known' }
  | { readonly verdict: 'vouched'; readonly by: HostAuthority }
  /** `why`: what became of the certificate that could have helped. */
  | { readonly verdict: 'new'; readonly why?: string }
  /** As `new`, but the inventory says who has to vouch for the host, so that nobody's consent counts. */
  | { readonly verdict: 'not-vouched'; readonly why: string }
  | { readonly verdict: 'revoked'; readonly what: 'key' | 'authority'; readonly by: KnownHost }
  | { readonly verdict: 'changed'; readonly expected: KnownHost; readonly why?: string }
  | { readonly verdict: 'not-pinned'; readonly expected: string };

/**
 * Decides over a host key, as OpenSSH does or more strictly. Pure, so that the whole table of cases can be tested.
 *
 * A pin decides alone, but what is revoked stays revoked. A certificate that does not count is as good as its plain key.
 * A host that is known by keys of other types only is "changed", not "new": whoever sits in between and cannot forge the
 * known key would offer one of another type.
 * @param now in milliseconds since 1970
 */
export function judgeHostKey(
  shown: ShownHostKey,
  host: ExpectedHost,
  knownHosts: readonly KnownHost[],
  now: number,
): Verdict {
  const { key, certificate } = shown;
  const known = coveringLines(host, knownHosts);
  for (const by of [...known.own, ...known.bare].filter(({ marker }) => marker === 'revoked')) {
    if (by.key.equals(key)) return { verdict: 'revoked', what: 'key', by };
    if (certificate?.authority.equals(by.key)) return { verdict: 'revoked', what: 'authority', by };
  }
  if (host.fingerprint !== undefined) {
    const pinned = equalText(fingerprint(key), host.fingerprint);
    return pinned ? { verdict: 'known' } : { verdict: 'not-pinned', expected: host.fingerprint };
  }
  const authorities = authoritiesOf(host, knownHosts);
  const vouching = certificate && authorities.find((one) => one.key.equals(certificate.authority));
  const why = certificate ? whyNotVouched(certificate, vouching, host, now) : shownPlain(authorities);
  if (vouching && why === undefined) return { verdict: 'vouched', by: vouching };
  const plain = judgePlainKey(key, known);
  if (plain.verdict === 'known' || why === undefined) return plain;
  const isPinned = host.hostCertificateAuthorities !== undefined;
  return isPinned && plain.verdict === 'new' ? { verdict: 'not-vouched', why } : { ...plain, why };
}

interface CoveringLines {
  /** Lines for the host on this port. */
  readonly own: readonly KnownHost[];
  /** Lines for the host without a port, when it is not port 22. */
  readonly bare: readonly KnownHost[];
}

function coveringLines(host: ExpectedHost, knownHosts: readonly KnownHost[]): CoveringLines {
  const covering = (name: string) => knownHosts.filter((known) => coversHost(known.hosts, name));
  const own = covering(knownHostName(host.address, host.port));
  return { own, bare: host.port === 22 ? [] : covering(knownHostName(host.address, 22)) };
}

function judgePlainKey(
  key: Buffer,
  known: CoveringLines,
): Extract<Verdict, { readonly verdict: 'known' | 'changed' | 'new' }> {
  const plain = known.own.filter(({ marker }) => marker === undefined);
  if (plain.some((line) => line.key.equals(key))) return { verdict: 'known' };
  const expected = plain.find(({ type }) => type === keyType(key)) ?? plain[0];
  if (expected) return { verdict: 'changed', expected };
  // As OpenSSH does: the same key under the bare name vouches for another port of that host.
  const isKnown = known.bare.some((line) => line.marker === undefined && line.key.equals(key));
  return { verdict: isKnown ? 'known' : 'new' };
}

/** Everybody who may vouch for a host: by the inventory, and by @cert-authority lines for its name with and without the port. */
export function authoritiesOf(host: ExpectedHost, knownHosts: readonly KnownHost[]): HostAuthority[] {
  const { own, bare } = coveringLines(host, knownHosts);
  const pinned = (host.hostCertificateAuthorities ?? []).map((line) => ({
    key: Buffer.from(line.split(/\s+/)[1] ?? '', 'base64'),
    where: 'host_ca in the inventory',
  }));
  const known = [...own, ...bare]
    .filter(({ marker }) => marker === 'cert-authority')
    .map(({ key, file, line }) => ({ key, where: `${file}:${line}` }));
  return [...pinned, ...known];
}

function shownPlain(authorities: readonly HostAuthority[]): string | undefined {
  const [first] = authorities;
  return (
    first &&
    `it shows no certificate, though authority ${fingerprint(first.key)} (${first.where}) could vouch for it`
  );
}

function whyNotVouched(
  certificate: Certificate,
  vouching: HostAuthority | undefined,
  host: ExpectedHost,
  now: number,
): string | undefined {
  const reason = whyNotValid(certificate, vouching, host.address.toLowerCase(), now);
  return reason && `its certificate does not count: ${reason}`;
}

function whyNotValid(
  certificate: Certificate,
  vouching: HostAuthority | undefined,
  name: string,
  now: number,
): string | undefined {
  const { principals, criticalOptions, role } = certificate;
  if (!vouching)
    return `nothing says that authority ${fingerprint(certificate.authority)} may vouch for ${name}`;
  if (role !== 'host') return 'it is for users';
  // Stricter than OpenSSH was up to 10.2: a certificate without a name would be good for every host of its authority.
  if (principals.length === 0) return 'it names no host';
  // No patterns: the holder of a certificate for "*" could be any host.
  if (!principals.includes(name)) return `it is for ${oneLine(principals.join(', '))}, not for ${name}`;
  if (criticalOptions.length > 0)
    return `it demands "${oneLine(criticalOptions.join(', '))}", which is not known`;
  return whyNotNow(certificate, now);
}

// SHA-1 signatures (ssh-rsa) are left out, as OpenSSH does since 8.8; every server since 7.2 signs RSA with SHA-2.
const plainAlgorithms = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const;

/**
 * Host key algorithms in the order in which they are asked for: certificates where somebody may vouch for the host, then
 * the types by which it is known, or a host with a known Ed25519 key and an unknown ECDSA key would look like another one.
 */
export function preferredAlgorithms(host: ExpectedHost, knownHosts: readonly KnownHost[]): string[] {
  const { own } = coveringLines(host, knownHosts);
  const types = new Set(own.filter(({ marker }) => marker === undefined).map(({ type }) => type));
  const isKnown = (algorithm: string) => types.has(algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm);
  const withCertificate =
    authoritiesOf(host, knownHosts).length > 0 ? plainAlgorithms.map(certificateAlgorithm) : [];
  const isUnknown = (algorithm: string) => !isKnown(algorithm);
  return [...withCertificate, ...plainAlgorithms.filter(isKnown), ...plainAlgorithms.filter(isUnknown)];
}

/**
 * The algorithms to ask for, one attempt to connect after the other. Several only where the key is pinned: a pin does not
 * say of which type its key is, and a host shows one key at a time.
 */
export function algorithmAttempts(host: ExpectedHost, knownHosts: readonly KnownHost[]): string[][] {
  const preferred = preferredAlgorithms(host, knownHosts);
  if (host.fingerprint === undefined) return [preferred];
  return ['ssh-ed25519', 'ecdsa-', 'rsa-'].map((type) => preferred.filter((name) => name.startsWith(type)));
}

function equalText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
