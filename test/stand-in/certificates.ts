import { createPrivateKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';

/** A certificate with its key, both PEM. */
export interface Certificate {
  certificate: string;
  key: string;
}

const ecdsaWithSha256 = sequence(objectId('2a8648ce3d040302'));
const day = 24 * 3_600_000;

/** Makes the CA that Rancher makes when it was given none. */
export function createCertificateAuthority(): Certificate {
  const now = Date.now();
  const { key, publicKey } = newKey();
  const name = distinguishedName(`dynamiclistener-ca@${Math.floor(now / 1_000)}`, 'dynamiclistener-org');
  const extensions = [
    extension('551d13', true, sequence(Buffer.from([0x01, 0x01, 0xff]))), // basicConstraints: a CA
    extension('551d0f', true, Buffer.from([0x03, 0x02, 0x02, 0xa4])), // keyUsage: signs certificates, signs, encrypts
  ];
  const certificate = signed({
    subject: name,
    issuer: name,
    publicKey,
    signer: key,
    days: 3_650,
    extensions,
  });
  return { certificate, key: exportKey(key) };
}

/** Issues a certificate for one name or address. */
export function issueCertificate(authority: Certificate, hostname: string): Certificate {
  const { key, publicKey } = newKey();
  const extensions = [
    extension('551d0f', true, Buffer.from([0x03, 0x02, 0x05, 0xa0])), // keyUsage: signs, encrypts
    extension('551d25', false, sequence(objectId('2b06010505070301'))), // extendedKeyUsage: a server
    extension('551d11', false, sequence(subjectAlternativeName(hostname))),
  ];
  const certificate = signed({
    subject: distinguishedName('dynamic', 'dynamic'),
    issuer: subjectOf(authority.certificate),
    publicKey,
    signer: createPrivateKey(authority.key),
    days: 365,
    extensions,
  });
  return { certificate, key: exportKey(key) };
}

interface ToBeSigned {
  subject: Buffer;
  issuer: Buffer;
  publicKey: Buffer;
  signer: KeyObject;
  days: number;
  extensions: Buffer[];
}

function signed({ subject, issuer, publicKey, signer, days, extensions }: ToBeSigned): string {
  const now = Date.now();
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))), // version 3
    integer(Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
    ecdsaWithSha256,
    issuer,
    sequence(utcTime(now - day), utcTime(now + days * day)),
    subject,
    publicKey,
    der(0xa3, sequence(...extensions)),
  );
  return toPem(sequence(body, ecdsaWithSha256, bitString(sign('sha256', body, signer))));
}

function newKey(): { key: KeyObject; publicKey: Buffer } {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { key: pair.privateKey, publicKey: pair.publicKey.export({ type: 'spki', format: 'der' }) };
}

function exportKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function toPem(certificate: Buffer): string {
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----'].join('\n');
}

// The CA was made above, so its subject stands where its issuer does: after version, serial number and algorithm.
function subjectOf(pem: string): Buffer {
  const certificate = Buffer.from(pem.replace(/-----.*-----|\s/g, ''), 'base64');
  let offset = contentStart(certificate, contentStart(certificate, 0));
  for (let skipped = 0; skipped < 3; skipped += 1) offset = end(certificate, offset);
  return certificate.subarray(offset, end(certificate, offset));
}

function contentStart(bytes: Buffer, offset: number): number {
  const length = bytes.readUInt8(offset + 1);
  return offset + 2 + (length < 0x80 ? 0 : length & 0x7f);
}

function end(bytes: Buffer, offset: number): number {
  const start = contentStart(bytes, offset);
  const lengthBytes = start - offset - 2;
  return (
    start + (lengthBytes === 0 ? bytes.readUInt8(offset + 1) : bytes.readUIntBE(offset + 2, lengthBytes))
  );
}

function distinguishedName(commonName: string, organisation: string): Buffer {
  const attribute = (id: string, text: string) =>
    der(0x31, sequence(objectId(id), der(0x0c, Buffer.from(text, 'utf8'))));
  return sequence(attribute('55040a', organisation), attribute('550403', commonName));
}

function subjectAlternativeName(hostname: string): Buffer {
  if (isIP(hostname) === 4) return der(0x87, Buffer.from(hostname.split('.').map(Number)));
  return der(0x82, Buffer.from(hostname, 'ascii'));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectId(id), ...(critical ? [Buffer.from([0x01, 0x01, 0xff])] : []), der(0x04, value));
}

function utcTime(milliseconds: number): Buffer {
  const digits = new Date(milliseconds).toISOString().replace(/\D/g, '');
  return der(0x17, Buffer.from(`${digits.slice(2, 14)}Z`, 'ascii'));
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, ...parts);
}

function objectId(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function integer(bytes: Buffer): Buffer {
  return der(0x02, bytes);
}

function bitString(bytes: Buffer): Buffer {
  return der(0x03, Buffer.from([0]), bytes);
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const length =
    content.length < 0x80
      ? [content.length]
      : content.length < 0x100
        ? [0x81, content.length]
        : [0x82, content.length >> 8, content.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}
