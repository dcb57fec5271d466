import type { Certificate } from './certificate.ts';
import { isCertificateType, parseCertificate } from './certificate.ts';
import { keyType } from './known-hosts.ts';

/** What a host has shown as its key: the key itself, and the certificate around it, if there is one. */
export interface ShownHostKey {
  /** The plain key, in wire format. */
  readonly key: Buffer;
  /** Whole and signed by the authority that it names, whoever that is. */
  readonly certificate?: Certificate;
}

/**
 * Reads what a host shows in the exchange of keys.
 * @throws Error for a certificate that is damaged, or not signed by the authority that it names
 */
export function readShownHostKey(wire: Buffer): ShownHostKey {
  // A copy: the bytes belong to ssh2.
  if (!isCertificateType(keyType(wire) ?? '')) return { key: Buffer.from(wire) };
  try {
    const certificate = parseCertificate(Buffer.from(wire));
    return { key: certificate.key, certificate };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the certificate of the host is not good: ${reason}`, { cause: error });
  }
}
