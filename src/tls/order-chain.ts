import type { KeyObject } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import { isIssuedBy, isSame, isSelfSigned, nameOf, shortName } from './certificate.ts';
import type { Finding } from './finding.ts';
import { problem, warning } from './finding.ts';

/** The way from the server certificate up, each certificate followed by its issuer, as far as the file goes. */
export type ChainPath = readonly [leaf: Certificate, ...issuers: Certificate[]];

/**
 * Finds the server certificate among the certificates of a chain file: the one that the key belongs to, else the
 * one that issued no other; and from there its issuers.
 */
export function findPath(certificates: readonly Certificate[], key?: KeyObject): ChainPath | undefined {
  const distinct = certificates.filter(
    (each, index) => certificates.findIndex((other) => isSame(other.x509, each.x509)) === index,
  );
  const leaf = findLeaf(distinct, key);
  if (!leaf) return undefined;
  const path: [Certificate, ...Certificate[]] = [leaf];
  for (;;) {
    const top = path[path.length - 1]!;
    const issuer = distinct.find((each) => !path.includes(each) && isIssuedBy(top.x509, each.x509));
    if (!issuer) return path;
    path.push(issuer);
  }
}

function findLeaf(certificates: readonly Certificate[], key?: KeyObject): Certificate | undefined {
  const issuesNone = (each: Certificate) =>
    !certificates.some((other) => other !== each && isIssuedBy(other.x509, each.x509));
  const servers = certificates.filter(issuesNone);
  return (
    (key && servers.find(({ x509 }) => x509.checkPrivateKey(key))) ??
    servers.find(({ x509 }) => !x509.ca) ??
    servers[0] ??
    certificates[0]
  );
}

/** Server certificate first, each one followed by its issuer, all issuers CAs, nothing else. */
export function checkOrder(certificates: readonly Certificate[], path: ChainPath): Finding[] {
  const onPath = certificates.filter((each) => path.includes(each));
  const misplaced = path.findIndex((each, index) => onPath[index] !== each);
  const findings = misplaced < 0 ? [] : [wrongOrder(onPath, path, misplaced)];
  return [...findings, ...checkAuthority(path), ...checkRootIncluded(path)];
}

/** Certificates that are no part of the way from the server certificate up. */
export function checkStrays(certificates: readonly Certificate[], path: ChainPath): Finding[] {
  const top = path[path.length - 1]!;
  return certificates
    .filter((each) => !path.some((member) => isSame(member.x509, each.x509)))
    .map((stray) =>
      problem(
        stray.at,
        `${nameOf(stray)} did not issue ${nameOf(top)}, nor any other block of the chain`,
        'remove it, or put the certificates between the two in their place',
      ),
    );
}

function wrongOrder(found: readonly Certificate[], path: ChainPath, misplaced: number): Finding {
  const order = path.map(nameOf).join(', ');
  const remedy = `put the server certificate first and each certificate before its issuer: ${order}`;
  const at = found[misplaced]!.at;
  if (path.every((each, index) => found[found.length - 1 - index] === each) && path.length > 1) {
    return problem(
      at,
      `the chain is in reverse order: the server certificate is its last, ${nameOf(path[0])}`,
      remedy,
    );
  }
  const happened = `${nameOf(path[misplaced]!)} should come before ${nameOf(found[misplaced]!)}`;
  return problem(at, happened, remedy);
}

function checkAuthority([leaf, ...issuers]: ChainPath): Finding[] {
  const findings = issuers
    .filter(({ x509 }) => !x509.ca && !isSelfSigned(x509))
    .map((each) =>
      problem(
        each.at,
        `${nameOf(each)} issued another block and is not a CA (no CA:TRUE): clients refuse what it signed`,
        'have the server certificate signed by a certificate with basicConstraints CA:TRUE',
      ),
    );
  if (!leaf.x509.ca || isSelfSigned(leaf.x509)) return findings;
  return [
    problem(
      leaf.at,
      `${nameOf(leaf)} is a CA (CA:TRUE), and the file holds no server certificate`,
      `put the certificate of the server first, the one that ${shortName(leaf.x509.subject)} issued for it`,
    ),
    ...findings,
  ];
}

function checkRootIncluded(path: ChainPath): Finding[] {
  const top = path[path.length - 1]!;
  if (path.length === 1 || !isSelfSigned(top.x509)) return [];
  const happened = `the chain ends with its root, ${nameOf(top)}: harmless, but sent to each client for nothing`;
  return [warning(top.at, happened, 'leave it out: a client trusts only the root that it has')];
}
