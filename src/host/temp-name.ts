import { createHash, randomBytes } from 'node:crypto';

/** How the names of the temporary files of a target begin: `.nginx.conf.provision-`, and 16 hexadecimal digits follow. */
export function tempPrefix(name: string): string {
  // The kernel takes 255 bytes. Of a longer name something must stay by which its temporary files are found again.
  const isShort = Buffer.byteLength(name) + suffixBytes <= 255;
  const stem = isShort ? name : createHash('sha256').update(name).digest('hex').slice(0, 32);
  return `.${stem}.provision-`;
}

/** A name that nobody can foresee, for a new file beside the target of that name. */
export function tempName(name: string): string {
  return tempPrefix(name) + randomBytes(8).toString('hex');
}

const suffixBytes = '..provision-'.length + 16;
