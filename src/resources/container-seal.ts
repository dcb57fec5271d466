import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../core/secret.ts';

/**
 * A text that shows later whether secrets are still the same, and from which they cannot be guessed in practice.
 *
 * It is kept as a label of the container, where it cannot get out of step with it as a file could. Whoever may ask Docker
 * for labels may ask it for the values as well; but labels travel further, to monitoring for one, so that a plain hash of
 * a short secret would not do: this one is salted and slow.
 */
export async function sealSecrets(secrets: Readonly<Record<string, Secret>>): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(secrets, salt);
  return `${version}:${salt.toString('base64')}:${hash.toString('base64')}`;
}

/** Whether a seal was made from these secrets. */
export async function sealFits(seal: string, secrets: Readonly<Record<string, Secret>>): Promise<boolean> {
  const [saidVersion, salt, hash, ...more] = seal.split(':');
  if (saidVersion !== version || salt === undefined || hash === undefined || more.length > 0) return false;
  const [saltBytes, wanted] = [Buffer.from(salt, 'base64'), Buffer.from(hash, 'base64')];
  if (saltBytes.length !== 16 || wanted.length !== hashLength) return false;
  return timingSafeEqual(await derive(secrets, saltBytes), wanted);
}

const version = 'scrypt1';
const hashLength = 32;

function derive(secrets: Readonly<Record<string, Secret>>, salt: Buffer): Promise<Buffer> {
  const values = Object.entries(secrets)
    .map(([name, secret]) => [name, secret.reveal()] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return new Promise((resolve, reject) => {
    // 16 MB and about 50 ms a guess.
    scrypt(JSON.stringify(values), salt, hashLength, { N: 2 ** 14, r: 8, p: 1 }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
