import type { X509Certificate } from 'node:crypto';
import type { SourceLocation } from '../core/source.ts';

/** A certificate together with the block of the file that it came from. */
export interface Certificate {
  readonly x509: X509Certificate;
  readonly at: SourceLocation;
  /** Place among the blocks of its file, from 1. */
  readonly position: number;
}

/** `block 2 (CN=Example CA)`, as messages name a certificate. */
export function nameOf({ position, x509 }: Certificate): string {
  return `block ${position} (${shortName(x509.subject)})`;
}

/**
 * The most telling part of a distinguished name as Node prints it, on one line and safe to print.
 * @example
 * shortName('C=US\nO=Example\nCN=Example Root'); // => 'CN=Example Root'
 */
export function shortName(distinguishedName: string | undefined): string {
  const parts = nameParts(distinguishedName);
  const part = parts.findLast((each) => each.startsWith('CN=')) ?? parts.at(-1) ?? 'no subject';
  return part.length > 80 ? `${part.slice(0, 79)}…` : part;
}

/** A distinguished name on one line: `C=US, O=Example, CN=Example Root`. */
export function fullName(distinguishedName: string | undefined): string {
  return nameParts(distinguishedName).join(', ');
}

/** True when the issuer's name, key identifier and key fit: the issuer really signed the certificate. */
export function isIssuedBy(x509: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return x509.checkIssued(issuer) && x509.verify(issuer.publicKey);
  } catch {
    // Node throws for a public key of a kind that it does not know: such an issuer cannot be verified.
    return false;
  }
}

export function isSelfSigned(x509: X509Certificate): boolean {
  return isIssuedBy(x509, x509);
}

export function isSame(one: X509Certificate, other: X509Certificate): boolean {
  return one.raw.equals(other.raw);
}

// Node 20 has `validTo` as text only; its Date twin came with Node 22.
export function validFrom(x509: X509Certificate): Date {
  return new Date(x509.validFrom);
}

export function validTo(x509: X509Certificate): Date {
  return new Date(x509.validTo);
}

function nameParts(distinguishedName: string | undefined): string[] {
  // Node gives no text at all for an empty name.
  return (distinguishedName ?? '')
    .split('\n')
    .filter((part) => part !== '')
    .map((part) => part.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '?'));
}
