import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { didYouMean } from '../core/suggest.ts';
import type { Certificate } from './certificate.ts';
import { nameOf } from './certificate.ts';
import type { Finding } from './finding.ts';
import { problem } from './finding.ts';

/** The certificate is one for servers, and names the host as clients look it up: in its subject alternative names. */
export function checkNames(leaf: Certificate, hostname: string): Finding[] {
  return [...checkPurpose(leaf), ...checkHostname(leaf, hostname)];
}

/**
 * The DNS names and IP addresses of a certificate.
 * @example
 * alternativeNames(x509); // => ['rancher.example.com', '10.0.0.5']
 */
export function alternativeNames(x509: X509Certificate): readonly string[] {
  return [...(x509.subjectAltName ?? '').matchAll(/(?:^|, )(?:DNS|IP Address):([^", ]+)/g)].map(
    (match) => match[1]!,
  );
}

/** True when clients that ignore the common name find the host, a DNS name or IP address, in the certificate. */
export function coversName(x509: X509Certificate, name: string): boolean {
  if (isIP(name)) return x509.checkIP(name) !== undefined;
  return x509.checkHost(name, { subject: 'never', partialWildcards: false }) !== undefined;
}

function checkHostname(leaf: Certificate, hostname: string): Finding[] {
  if (coversName(leaf.x509, hostname)) return [];
  const names = alternativeNames(leaf.x509);
  const remedy = `have a certificate issued with ${isIP(hostname) ? 'IP' : 'DNS'}:${hostname} among its subject alternative names`;
  if (names.length === 0) {
    const inSubject = leaf.x509.checkHost(hostname, { subject: 'always' }) !== undefined;
    const where = inSubject
      ? `names ${hostname} only as its common name (CN), which clients ignore`
      : 'names no host';
    return [problem(leaf.at, `${nameOf(leaf)} has no subject alternative names: it ${where}`, remedy)];
  }
  const near = didYouMean(hostname, names);
  return [
    problem(
      leaf.at,
      `${nameOf(leaf)} does not cover ${hostname}: it is for ${list(names)}${wildcardHint(hostname, names)}`,
      near ? `did you mean ${near}? Else ${remedy}` : remedy,
    ),
  ];
}

function wildcardHint(hostname: string, names: readonly string[]): string {
  const wildcard = names.find((name) => name.startsWith('*.') && `.${hostname}`.endsWith(name.slice(1)));
  return wildcard ? ` (${wildcard} stands for exactly one name in place of the star)` : '';
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

const serverPurposes: readonly string[] = ['1.3.6.1.5.5.7.3.1', '2.5.29.37.0'];

function checkPurpose(leaf: Certificate): Finding[] {
  // Node's name for the extended key usage, which limits nothing when it is absent.
  const purposes = (leaf.x509.keyUsage as readonly string[] | undefined) ?? [];
  if (purposes.length === 0 || purposes.some((purpose) => serverPurposes.includes(purpose))) return [];
  const happened = `${nameOf(leaf)} is not for servers: its extended key usage lacks serverAuth`;
  return [problem(leaf.at, happened, 'have it issued again for TLS servers')];
}
