import { createHash } from 'node:crypto';

/**
 * SHA-256 of a text in lower-case hexadecimal, to tell from outside which configuration a service has.
 * @example
 * contentHash('listen 80;').slice(0, 16); // => '88a2aab183e99735'
 */
export function contentHash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
