import { randomBytes, sign } from 'node:crypto';
import { WireReader, wireNumber, wireString } from '../identity/wire-reader.ts';
import type { KeyPair } from './make-key.ts';

export interface CertificateOptions {
  readonly authority: KeyPair;
  /** Default: host. */
  readonly role?: 'user' | 'host';
  readonly principals?: readonly string[];
  /** Seconds since 1970; default: an hour ago. */
  readonly validAfter?: number;
  /** Seconds since 1970; default: in an hour. */
  readonly validBefore?: number;
  readonly criticalOptions?: Readonly<Record<string, string>>;
  /** Default: what OpenSSH gives to users, so that sshd lets them have a terminal. */
  readonly extensions?: readonly string[];
  /** How an RSA authority signs. Default: `rsa-sha2-512`. */
  readonly rsaSignature?: 'rsa-sha2-512' | 'rsa-sha2-256' | 'ssh-rsa';
  /** Takes the place of the public key of the authority, as a forger would put it there. */
  readonly claimedAuthority?: Buffer;
}

/** A certificate over a public key, in wire format; also ones that no honest authority would issue. For tests only. */
export function issueCertificate(key: Buffer, options: CertificateOptions): Buffer {
  const { authority, role = 'host', principals = [], criticalOptions = {} } = options;
  const now = Math.floor(Date.now() / 1000);
  const reader = new WireReader(key);
  const type = reader.text();
  const extensions = options.extensions ?? (role === 'user' ? ['permit-pty'] : []);
  const signed = Buffer.concat([
    wireString(`${type}-cert-v01@openssh.com`),
    wireString(randomBytes(32)),
    key.subarray(reader.position),
    number(7, 8),
    number(role === 'user' ? 1 : 2, 4),
    wireString('of a test'),
    wireString(Buffer.concat(principals.map((name) => wireString(name)))),
    number(options.validAfter ?? now - 3600, 8),
    number(options.validBefore ?? now + 3600, 8),
    wireString(
      Buffer.concat(
        Object.entries(criticalOptions).flatMap(([name, value]) => [
          wireString(name),
          wireString(wireString(value)),
        ]),
      ),
    ),
    wireString(Buffer.concat(extensions.flatMap((name) => [wireString(name), wireString('')]))),
    wireString(''),
    wireString(options.claimedAuthority ?? authority.public),
  ]);
  return Buffer.concat([signed, wireString(signature(authority, signed, options.rsaSignature))]);
}

/** `ssh-ed25519-cert-v01@openssh.com AAAA…`, as ssh-keygen writes it. */
export function certificateLine(certificate: Buffer): string {
  return `${new WireReader(certificate).text()} ${certificate.toString('base64')}\n`;
}

function number(value: number, bytes: 4 | 8): Buffer {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 4) buffer.writeUInt32BE(value);
  else buffer.writeBigUInt64BE(BigInt(value));
  return buffer;
}

function signature(
  authority: KeyPair,
  signed: Buffer,
  rsa: CertificateOptions['rsaSignature'] = 'rsa-sha2-512',
) {
  const { type } = authority.parsed;
  const algorithm = type === 'ssh-rsa' ? rsa : type;
  const key = authority.parsed.getPrivatePEM();
  const bytes = sign(hashes[algorithm] ?? null, signed, { key, dsaEncoding: 'ieee-p1363' });
  if (!type.startsWith('ecdsa-')) return Buffer.concat([wireString(algorithm), wireString(bytes)]);
  const half = bytes.length / 2;
  const pair = [wireNumber(bytes.subarray(0, half)), wireNumber(bytes.subarray(half))];
  return Buffer.concat([wireString(algorithm), wireString(Buffer.concat(pair))]);
}

const hashes: Readonly<Record<string, string>> = {
  'ecdsa-sha2-nistp256': 'sha256',
  'ecdsa-sha2-nistp384': 'sha384',
  'ecdsa-sha2-nistp521': 'sha512',
  'rsa-sha2-512': 'sha512',
  'rsa-sha2-256': 'sha256',
  'ssh-rsa': 'sha1',
};
