import { createHash } from 'node:crypto';
import type { Problem } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';
import { alternativeNames, checkNames } from './check-names.ts';
import { checkCaBlocks, checkOwnCa, checkRecognisedCa } from './check-trust.ts';
import { checkKeyStrength, checkStrength } from './check-strength.ts';
import { checkValidity } from './check-validity.ts';
import type { Certificate } from './certificate.ts';
import { fullName, isSame, isSelfSigned, nameOf, validTo } from './certificate.ts';
import type { Finding } from './finding.ts';
import { problem, reportFindings, warning } from './finding.ts';
import { checkOrder, checkStrays, findPath } from './order-chain.ts';
import type { CertificateFile } from './read-certificates.ts';
import { readCertificates } from './read-certificates.ts';
import type { PemFile } from './read-pem.ts';
import { readPem } from './read-pem.ts';
import type { KeyFile, PrivateKey } from './read-private-key.ts';
import { readPrivateKey } from './read-private-key.ts';

/** What a person gave for the TLS of one host name. */
export interface CertificateInput {
  /** The server certificate and its intermediates, in this order. */
  readonly chain: PemFile;
  readonly key: KeyFile;
  /** The CA that clients are told to trust: intermediates and root. Needed for, and used by, `own-ca` only. */
  readonly ca?: PemFile;
  /** The DNS name or IP address that clients connect to. */
  readonly hostname: string;
  /** Whether clients get `ca`, or know the CA by themselves. */
  readonly trust: 'own-ca' | 'recognised-ca';
  readonly now: Date;
}

/** What was found, and what can be used when `problems` is empty. */
export interface CertificateReport {
  /** What would not work, in the order of the files and their lines. */
  readonly problems: readonly Problem[];
  /** What works, and deserves a look. */
  readonly warnings: readonly Problem[];
  /** The server certificate. Absent only when there are problems. */
  readonly leaf?: {
    /** On one line: `O=Example, CN=rancher.example.com`. */
    readonly subject: string;
    /** SHA-256 of the certificate, as colon-separated hexadecimal. */
    readonly fingerprint256: string;
    readonly notAfter: Date;
    /** DNS names and IP addresses. */
    readonly names: readonly string[];
  };
  /** The files as they belong on a host: PEM blocks only, LF, no byte order mark. */
  readonly normalised: { readonly chain: string; readonly key: Secret; readonly ca?: string };
  /** SHA-256 of the normalised CA file, which ends with one line end, as hexadecimal. */
  readonly caChecksum?: string;
}

/**
 * Checks everything about a certificate that can be known before a host is contacted, and reports all of it at once.
 * Throws nothing; no message holds a part of the key.
 * @example
 * const report = checkCertificate({ chain, key, ca, hostname: 'rancher.example.com', trust: 'own-ca', now: new Date() });
 * throwProblems(report.problems);
 * @see https://nginx.org/en/docs/http/configuring_https_servers.html#chains
 */
export function checkCertificate(input: CertificateInput): CertificateReport {
  const chain = readCertificates(input.chain);
  const key = readPrivateKey(input.key);
  const ca = input.ca && input.trust === 'own-ca' ? readCertificates(input.ca) : undefined;
  const path = findPath(chain.certificates, key.key);
  const swapped = checkSwapped(input);
  const findings = swapped ?? [
    ...chain.findings,
    ...key.findings,
    ...(ca?.findings ?? []),
    ...checkKey(key, path?.[0], input.key.file, [...chain.certificates, ...(ca?.certificates ?? [])]),
    ...(path ? checkOrder(chain.certificates, path) : []),
    ...(path ? checkLeaf(path[0], input.hostname) : []),
    ...checkTrust(input, chain, ca, path),
    ...checkEach(chain, ca, input.now),
  ];
  const files = [input.chain.file, input.key.file, input.ca?.file ?? ''];
  const sorted = findings.toSorted(
    (a, b) => files.indexOf(a.at.file) - files.indexOf(b.at.file) || a.at.line - b.at.line,
  );
  return {
    problems: reportFindings(sorted, 'problem'),
    warnings: reportFindings(sorted, 'warning'),
    ...(path && { leaf: describe(path[0]) }),
    normalised: { chain: chain.normalised, key: key.normalised, ...(ca && { ca: ca.normalised }) },
    ...(ca && { caChecksum: createHash('sha256').update(ca.normalised).digest('hex') }),
  };
}

/** One sentence in place of the many that two exchanged files would lead to. */
function checkSwapped({ chain, key }: CertificateInput): Finding[] | undefined {
  const inChain = readPem(chain.content).blocks;
  const inKey = readPem(key.pem.reveal()).blocks;
  const [first] = inChain;
  const swapped =
    first &&
    inChain.every(({ label }) => label.endsWith('PRIVATE KEY') || label === 'EC PARAMETERS') &&
    inKey.length > 0 &&
    inKey.every(({ label }) => label === 'CERTIFICATE');
  if (!swapped) return undefined;
  const happened = `this file holds the private key, and ${key.file} the certificates`;
  return [problem({ file: chain.file, line: first.line }, happened, 'exchange the two files')];
}

function checkKey(
  key: PrivateKey,
  leaf: Certificate | undefined,
  file: string,
  all: readonly Certificate[],
): Finding[] {
  const own = key.key;
  if (!own || leaf?.x509.checkPrivateKey(own)) return [];
  const at = { file, line: key.line };
  const strength = checkKeyStrength(own, at, 'the private key');
  if (!leaf) return strength;
  const happened = `the key does not belong to the certificate of ${leaf.at.file}:${leaf.at.line}, ${nameOf(leaf)}`;
  const ofCa = all.some(({ x509 }) => x509.checkPrivateKey(own));
  const remedy = ofCa
    ? 'this is the key of the CA, which belongs on no server: give the key of the server certificate'
    : 'give the key that the certificate was requested with';
  return [problem(at, happened, remedy), ...strength];
}

function checkLeaf(leaf: Certificate, hostname: string): Finding[] {
  // A CA in the place of the server certificate is reported as such: its names are beside the point.
  return leaf.x509.ca && !isSelfSigned(leaf.x509) ? [] : checkNames(leaf, hostname);
}

function checkTrust(
  { trust, ca: given }: CertificateInput,
  chain: CertificateFile,
  ca: CertificateFile | undefined,
  path: ReturnType<typeof findPath>,
): Finding[] {
  const start = { file: chain.file, line: 1 };
  const findings: Finding[] = [];
  if (trust === 'own-ca' && !ca) {
    findings.push(
      problem(start, 'a chain of a CA of your own needs the certificate of that CA', 'give the CA file too'),
    );
  }
  if (trust === 'recognised-ca' && given) {
    const happened = 'the CA file is not used: clients know a recognised CA by themselves';
    findings.push(
      warning({ file: given.file, line: 1 }, happened, 'leave it out, or choose the option of an own CA'),
    );
  }
  findings.push(...(ca ? checkCaBlocks(ca.certificates, path?.[0].x509) : []));
  // A chain with an unreadable block has a gap whatever its CA, and a damaged CA file would be blamed for it.
  if (!path || !chain.complete || ca?.complete === false) return findings;
  const gaps = ca
    ? checkOwnCa(path, ca.certificates, ca.file)
    : trust === 'recognised-ca'
      ? checkRecognisedCa(path)
      : [];
  const incomplete = gaps.some((gap) => gap.level === 'problem');
  // With a gap in the chain every block above it looks like a stray: only the gap is worth a word.
  return [...findings, ...gaps, ...(incomplete ? [] : checkStrays(chain.certificates, path))];
}

function checkEach(chain: CertificateFile, ca: CertificateFile | undefined, now: Date): Finding[] {
  const onlyInCa = (ca?.certificates ?? []).filter(
    (each) => !chain.certificates.some(({ x509 }) => isSame(x509, each.x509)),
  );
  return [
    ...[...chain.certificates, ...onlyInCa].flatMap((each) => checkValidity(each, now)),
    ...chain.certificates.flatMap((each) => checkStrength(each, each.x509.ca ? 'ca' : 'server')),
    ...onlyInCa.flatMap((each) => checkStrength(each, 'ca')),
  ];
}

function describe({ x509 }: Certificate): NonNullable<CertificateReport['leaf']> {
  return {
    subject: fullName(x509.subject),
    fingerprint256: x509.fingerprint256,
    notAfter: validTo(x509),
    names: alternativeNames(x509),
  };
}
