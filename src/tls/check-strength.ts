import type { KeyObject, X509Certificate } from 'node:crypto';
import type { SourceLocation } from '../core/source.ts';
import type { Certificate } from './certificate.ts';
import { isSelfSigned, nameOf } from './certificate.ts';
import type { Finding } from './finding.ts';
import { problem, warning } from './finding.ts';
import { signatureHash } from './signature-hash.ts';

/** Key and signature of a certificate are of a kind and size that clients of today accept. */
export function checkStrength(certificate: Certificate, role: 'server' | 'ca'): Finding[] {
  const findings = checkKeyStrength(publicKeyOf(certificate.x509), certificate.at, nameOf(certificate));
  // Nobody verifies what a root says about itself: it is trusted because it is in the list.
  if (role === 'ca' && isSelfSigned(certificate.x509)) return findings;
  return [...findings, ...checkSignature(certificate)];
}

/** RSA of 2048 bits or more, or one of the curves P-256, P-384 and P-521. */
export function checkKeyStrength(key: KeyObject | undefined, at: SourceLocation, name: string): Finding[] {
  const remedy = 'make a new key, RSA of 2048 bits or P-256, and have a certificate issued for it';
  const kind = key?.asymmetricKeyType;
  const details = key?.asymmetricKeyDetails;
  if (kind === 'rsa' || kind === 'rsa-pss') {
    const bits = details?.modulusLength ?? 0;
    return bits < 2048
      ? [problem(at, `${name} has an RSA key of ${bits} bits, which clients refuse`, remedy)]
      : [];
  }
  if (kind === 'ec') {
    const curve = details?.namedCurve ?? 'without a name';
    return curves.has(curve)
      ? []
      : [problem(at, `${name} has a key on the curve ${curve}, which clients refuse`, remedy)];
  }
  if (kind === 'ed25519') {
    return [warning(at, `${name} has an Ed25519 key, which browsers do not accept`, remedy)];
  }
  return [problem(at, `${name} has a key of the kind ${kind ?? 'unknown'}, which clients refuse`, remedy)];
}

const curves: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

function checkSignature(certificate: Certificate): Finding[] {
  const hash = signatureHash(certificate.x509);
  const happened = `${nameOf(certificate)} is signed with ${hash}`;
  const remedy = 'have it issued again with SHA-256';
  if (hash === 'MD5' || hash === 'MD2')
    return [problem(certificate.at, `${happened}, which can be forged`, remedy)];
  if (hash === 'SHA-1') return [warning(certificate.at, `${happened}, which newer clients refuse`, remedy)];
  return [];
}

function publicKeyOf(x509: X509Certificate): KeyObject | undefined {
  try {
    return x509.publicKey;
  } catch {
    return undefined;
  }
}
