import { createHash, createPublicKey, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { Secret } from '../core/secret.ts';
import type { CaFolder } from './ca-folder.ts';
import { validTo } from './certificate.ts';
import { openssl } from './openssl.ts';

const day = 24 * 60 * 60 * 1000;
const caLifetime = 3650 * day;
// Apple and others refuse server certificates of more than 398 days, and the limit keeps falling.
const serverLifetime = 365 * day;
// So that a host whose clock is a little behind does not find the certificate not yet valid.
const backdating = day / 24;

/** A new P-256 key, as PEM. */
export function newPrivateKey(name: string): Secret {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return new Secret(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), name);
}

/** The certificate of a root CA for the folder's `ca-key.pem`, as PEM. */
export async function issueCa(folder: CaFolder, now: Date): Promise<string> {
  const key = folder.pathOf('ca-key.pem');
  // The same key gives the same name: what an earlier certificate of this CA signed stays valid.
  const mark = createHash('sha256').update(
    createPublicKey(await readFile(key)).export({ type: 'spki', format: 'der' }),
  );
  return issue(folder.scratch, {
    commonName: `provision private CA ${mark.digest('hex').slice(0, 8)}`,
    key,
    signWith: ['-selfsign', '-keyfile', key],
    until: new Date(now.getTime() + caLifetime),
    now,
    extensions: [
      'basicConstraints = critical, CA:TRUE, pathlen:0',
      'keyUsage = critical, keyCertSign, cRLSign',
      'subjectKeyIdentifier = hash',
    ],
  });
}

/** A server certificate for the folder's `key.pem`, signed by its CA, as PEM. It never outlives the CA. */
export async function issueServer(folder: CaFolder, names: readonly string[], now: Date): Promise<string> {
  const ca = new X509Certificate(await readFile(folder.pathOf('ca.pem')));
  const alternatives = names.map((name) => `${isIP(name) ? 'IP' : 'DNS'}:${name}`);
  return issue(folder.scratch, {
    // A common name has at most 64 characters. Nobody reads it but people.
    commonName: names.find((name) => name.length <= 64) ?? 'server',
    key: folder.pathOf('key.pem'),
    signWith: ['-cert', folder.pathOf('ca.pem'), '-keyfile', folder.pathOf('ca-key.pem')],
    until: new Date(Math.min(now.getTime() + serverLifetime, validTo(ca).getTime())),
    now,
    extensions: [
      'basicConstraints = critical, CA:FALSE',
      'keyUsage = critical, digitalSignature',
      'extendedKeyUsage = serverAuth',
      'subjectKeyIdentifier = hash',
      'authorityKeyIdentifier = keyid',
      `subjectAltName = ${alternatives.join(', ')}`,
    ],
  });
}

interface Request {
  readonly commonName: string;
  readonly key: string;
  readonly signWith: readonly string[];
  readonly now: Date;
  readonly until: Date;
  readonly extensions: readonly string[];
}

// `openssl ca` and not `x509 -req`: only it sets both dates in every version of OpenSSL and LibreSSL.
async function issue(scratch: string, request: Request): Promise<string> {
  const file = (name: string) => join(scratch, name);
  await writeFile(file('openssl.cnf'), configuration(request));
  await writeFile(file('index.txt'), '');
  await writeFile(file('serial'), `${newSerial()}\n`);
  const config = ['-config', file('openssl.cnf')];
  await openssl('req', ['-new', ...config, '-key', request.key, '-out', file('request.pem')], scratch);
  const files = ['-in', file('request.pem'), '-out', file('certificate.pem')];
  await openssl('ca', ['-batch', '-notext', ...config, ...request.signWith, ...files], scratch);
  return readFile(file('certificate.pem'), 'utf8');
}

// A whole configuration of its own, so that the one of the machine has no say.
function configuration({ commonName, now, until, extensions }: Request): string {
  return [
    '[req]',
    'prompt = no',
    'distinguished_name = subject',
    '[subject]',
    `CN = ${commonName}`,
    '[ca]',
    'default_ca = private_ca',
    '[private_ca]',
    'database = index.txt',
    'serial = serial',
    'new_certs_dir = .',
    'default_md = sha256',
    'unique_subject = no',
    `default_startdate = ${asn1Time(now.getTime() - backdating)}`,
    `default_enddate = ${asn1Time(until.getTime())}`,
    'x509_extensions = extensions',
    'policy = policy',
    '[policy]',
    'commonName = supplied',
    '[extensions]',
    ...extensions,
    '',
  ].join('\n');
}

// Positive, and never twice: clients refuse two certificates of one issuer with one serial number.
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString('hex').toUpperCase();
}

function asn1Time(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().replaceAll(/\.\d+|\D/g, '')}Z`;
}
