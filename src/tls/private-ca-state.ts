import type { KeyObject } from 'node:crypto';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { ProvisionError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import type { CaFileName, CaFolder } from './ca-folder.ts';
import { isIssuedBy, isSelfSigned, validFrom, validTo } from './certificate.ts';
import { coversName } from './check-names.ts';

/** What a folder holds already. */
export interface PrivateCaState {
  readonly caKey?: KeyObject;
  readonly ca?: X509Certificate;
  readonly key?: KeyObject;
  readonly server?: X509Certificate;
}

/** Reads the four files, and throws `LOCAL` when what is there cannot have been made by `createPrivateCa`. */
export async function readPrivateCa(folder: CaFolder): Promise<PrivateCaState> {
  // Against the order in which they are made: beside a run at work, a file that is seen has all those before it.
  const server = await readCertificate(folder, 'fullchain.pem');
  const key = await readKey(folder, 'key.pem');
  const ca = await readCertificate(folder, 'ca.pem');
  const caKey = await readKey(folder, 'ca-key.pem');
  // So one without its predecessor is somebody's own and must not be replaced.
  if (key && !ca) throw notOurs(folder, 'key.pem', `there is no ${folder.nameOf('ca.pem')} beside it`);
  if (server && !ca)
    throw notOurs(folder, 'fullchain.pem', `there is no ${folder.nameOf('ca.pem')} beside it`);
  if (server && ca && !isIssuedBy(server, ca)) {
    throw notOurs(folder, 'fullchain.pem', `${folder.nameOf('ca.pem')} did not sign it`);
  }
  if (ca && !(ca.ca && isSelfSigned(ca)))
    throw notOurs(folder, 'ca.pem', 'it is not the certificate of a root CA');
  if (ca && caKey && !ca.checkPrivateKey(caKey)) {
    throw notOurs(folder, 'ca-key.pem', `it is not the key of ${folder.nameOf('ca.pem')}`);
  }
  return { ...(caKey && { caKey }), ...(ca && { ca }), ...(key && { key }), ...(server && { server }) };
}

/** True when the CA can be used for another 30 days. */
export function caFits({ ca }: PrivateCaState, now: Date): boolean {
  return ca !== undefined && isValidForLong(ca, now);
}

/** True when the server certificate belongs to the key, covers the names and can be used for another 30 days. */
export function serverFits({ server, key }: PrivateCaState, names: readonly string[], now: Date): boolean {
  if (!server || !key || !server.checkPrivateKey(key)) return false;
  return names.every((name) => coversName(server, name)) && isValidForLong(server, now);
}

function isValidForLong(x509: X509Certificate, now: Date): boolean {
  const days = (validTo(x509).getTime() - now.getTime()) / (24 * 60 * 60 * 1000);
  return days > 30 && validFrom(x509).getTime() <= now.getTime();
}

async function readCertificate(folder: CaFolder, name: CaFileName): Promise<X509Certificate | undefined> {
  const text = await folder.read(name);
  if (text === undefined) return undefined;
  try {
    return new X509Certificate(text);
  } catch {
    throw notOurs(folder, name, 'it holds no certificate');
  }
}

async function readKey(folder: CaFolder, name: CaFileName): Promise<KeyObject | undefined> {
  const text = await folder.read(name);
  if (text === undefined) return undefined;
  const secret = new Secret(text, folder.nameOf(name));
  try {
    return createPrivateKey(secret.reveal());
  } catch {
    throw notOurs(folder, name, 'it holds no unencrypted private key');
  }
}

function notOurs(folder: CaFolder, name: CaFileName, why: string): ProvisionError {
  return new ProvisionError({
    code: 'LOCAL',
    happened: `${folder.nameOf(name)} is not from a private CA made here: ${why}`,
    hostState: 'the folder was left as it is',
    remedy: 'name another folder, or move its files away',
  });
}
