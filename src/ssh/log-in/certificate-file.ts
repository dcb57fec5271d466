import { readFile, stat } from 'node:fs/promises';
import type { Problem } from '../../core/errors.ts';
import type { Certificate } from '../identity/certificate.ts';
import { parseCertificate, whyNotNow } from '../identity/certificate.ts';
import { oneLine } from '../target.ts';

/** What lies beside a private key. */
export type CertificateFile =
  | { readonly path: string; readonly certificate: Certificate; readonly wire: Buffer }
  /** It is of no use now; the plain key may be. */
  | { readonly path: string; readonly unusable: string };

/**
 * The certificate that belongs to a key, or undefined when there is none: the given file, or `<key file>-cert.pub`.
 * @param publicKey in wire format; undefined when it cannot be known before the key is opened
 * @param now in milliseconds since 1970
 * @example
 * const found = await findCertificate({ keyFile: '/home/me/.ssh/id_ed25519' }, key.getPublicSSH(), Date.now());
 * @see ssh(1), `-i`
 */
export async function findCertificate(
  identity: { readonly keyFile: string; readonly certificateFile?: string },
  publicKey: Buffer | undefined,
  now: number,
): Promise<CertificateFile | undefined> {
  const path = identity.certificateFile ?? `${identity.keyFile}-cert.pub`;
  try {
    const wire = await readCertificate(path);
    const certificate = parseCertificate(wire);
    const reason = whyUnusable(certificate, publicKey, now);
    return reason === undefined ? { path, certificate, wire } : { path, unusable: reason };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && identity.certificateFile === undefined) return undefined;
    return { path, unusable: code === 'ENOENT' ? 'it does not exist' : oneLine(message) };
  }
}

/** The problem of a certificate that the inventory names and that cannot be used. */
export function certificateProblem({ path, unusable }: { path: string; unusable: string }): Problem {
  return {
    code: 'KEY_FILE',
    happened: `certificate ${path} cannot be used: ${unusable}`,
    remedy: 'have the key certified (again) by its authority, or remove key_certificate from the inventory',
  };
}

async function readCertificate(path: string): Promise<Buffer> {
  const state = await stat(path);
  if (!state.isFile() || state.size > 1024 * 1024) throw new Error('it is no file with a certificate');
  const [type = '', base64 = ''] = (await readFile(path, 'utf8')).trim().split(/\s+/);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64))
    throw new Error('it does not hold one line as ssh-keygen writes it');
  const wire = Buffer.from(base64, 'base64');
  if (!wire.subarray(4).toString('latin1').startsWith(type))
    throw new Error('it is of another type than it says');
  return wire;
}

function whyUnusable(
  certificate: Certificate,
  publicKey: Buffer | undefined,
  now: number,
): string | undefined {
  if (certificate.role !== 'user') return 'it is for hosts';
  if (publicKey && !certificate.key.equals(publicKey)) return 'it is for another key';
  return whyNotNow(certificate, now);
}
