import { createPublicKey, verify } from 'node:crypto';
import type { JsonWebKey, KeyObject } from 'node:crypto';
import { WireReader } from './wire-reader.ts';

/**
 * Whether a signature in wire format was made by a key in wire format. Ed25519, ECDSA, and RSA with SHA-2.
 * @throws Error for a key or signature of another kind, SHA-1 among them, and for one that is damaged
 * @see RFC 4253, section 6.6; RFC 5656; RFC 8332; RFC 8709
 */
export function verifySignature(key: Buffer, signed: Buffer, signature: Buffer): boolean {
  const { type, object, algorithms } = publicKey(key);
  const reader = new WireReader(signature);
  const algorithm = reader.text();
  const bytes = reader.string();
  if (!reader.atEnd) throw new Error('the signature goes on after its end');
  if (algorithm === 'ssh-rsa') throw new Error('it is signed with SHA-1, which can be forged');
  const hash = algorithms[algorithm];
  if (hash === undefined) throw new Error(`a ${type} key does not sign with ${algorithm}`);
  if (!type.startsWith('ecdsa-')) return verify(hash, signed, object, bytes);
  const size = curves[type]!.size;
  const numbers = new WireReader(bytes);
  const pair = [numbers.mpint(), numbers.mpint()].map((number) => padded(number, size));
  if (!numbers.atEnd) throw new Error('the signature goes on after its end');
  return verify(hash, signed, { key: object, dsaEncoding: 'ieee-p1363' }, Buffer.concat(pair));
}

interface PublicKey {
  readonly type: string;
  readonly object: KeyObject;
  /** The algorithms that such a key signs with, and their hash. */
  readonly algorithms: Readonly<Record<string, string | null>>;
}

const curves: Readonly<Record<string, { name: string; jwk: string; size: number; hash: string }>> = {
  'ecdsa-sha2-nistp256': { name: 'nistp256', jwk: 'P-256', size: 32, hash: 'sha256' },
  'ecdsa-sha2-nistp384': { name: 'nistp384', jwk: 'P-384', size: 48, hash: 'sha384' },
  'ecdsa-sha2-nistp521': { name: 'nistp521', jwk: 'P-521', size: 66, hash: 'sha512' },
};

function publicKey(wire: Buffer): PublicKey {
  const reader = new WireReader(wire);
  const type = reader.text();
  const jwk = jsonWebKey(type, reader);
  if (!reader.atEnd) throw new Error('the key goes on after its end');
  const object = createPublicKey({ key: jwk, format: 'jwk' });
  const hash = curves[type]?.hash;
  if (hash !== undefined) return { type, object, algorithms: { [type]: hash } };
  if (type === 'ssh-rsa') return { type, object, algorithms: rsaHashes };
  return { type, object, algorithms: { [type]: null } };
}

const rsaHashes = { 'rsa-sha2-512': 'sha512', 'rsa-sha2-256': 'sha256' };

function jsonWebKey(type: string, reader: WireReader): JsonWebKey {
  const curve = curves[type];
  if (curve) {
    if (reader.text() !== curve.name) throw new Error('the key is of another curve than it says');
    const point = reader.string();
    if (point.length !== 1 + 2 * curve.size || point[0] !== 4) throw new Error('the key is no point');
    const [x, y] = [point.subarray(1, 1 + curve.size), point.subarray(1 + curve.size)];
    return { kty: 'EC', crv: curve.jwk, x: x.toString('base64url'), y: y.toString('base64url') };
  }
  if (type === 'ssh-ed25519') {
    const x = reader.string();
    if (x.length !== 32) throw new Error('the key has a wrong length');
    return { kty: 'OKP', crv: 'Ed25519', x: x.toString('base64url') };
  }
  if (type === 'ssh-rsa') {
    const [e, n] = [reader.mpint(), reader.mpint()];
    if (n.length < 128) throw new Error('the RSA key has fewer than 1024 bits');
    return { kty: 'RSA', e: e.toString('base64url'), n: n.toString('base64url') };
  }
  throw new Error(`keys of type ${type} are not supported`);
}

function padded(number: Buffer, size: number): Buffer {
  if (number.length > size) throw new Error('the signature is too long');
  return Buffer.concat([Buffer.alloc(size - number.length), number]);
}
