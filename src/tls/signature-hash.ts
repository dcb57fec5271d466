import type { X509Certificate } from 'node:crypto';

/**
 * The weak hash that a certificate was signed with, or undefined when it is none of the known weak ones.
 * Node 20 does not tell the signature algorithm, so it is read from the certificate's DER.
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-4.1
 */
export function signatureHash(x509: X509Certificate): 'SHA-1' | 'MD5' | 'MD2' | undefined {
  // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OBJECT IDENTIFIER, … }, … }
  const certificate = valueAt(x509.raw, 0);
  const algorithm = valueAt(x509.raw, valueAt(x509.raw, certificate.start).end);
  const identifier = valueAt(x509.raw, algorithm.start);
  return weak[x509.raw.subarray(identifier.start, identifier.end).toString('hex')];
}

const weak: Readonly<Record<string, 'SHA-1' | 'MD5' | 'MD2'>> = {
  '2a864886f70d010102': 'MD2',
  '2a864886f70d010104': 'MD5',
  '2a864886f70d010105': 'SHA-1',
  '2b0e03021d': 'SHA-1', // the OIW's older number for the same
  '2a8648ce380403': 'SHA-1', // DSA
  '2a8648ce3d0401': 'SHA-1', // ECDSA
};

/** Where the content of the DER element at `offset` begins and ends. */
function valueAt(der: Buffer, offset: number): { start: number; end: number } {
  const first = der.readUInt8(offset + 1);
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const start = offset + 2 + lengthBytes;
  const length = lengthBytes === 0 ? first : der.readUIntBE(offset + 2, lengthBytes);
  return { start, end: start + length };
}
