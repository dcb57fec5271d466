import { ProvisionError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import type { CaFileName, CaFolder } from './ca-folder.ts';
import { openCaFolder } from './ca-folder.ts';
import { throwBadNames } from './check-private-names.ts';
import { issueCa, issueServer, newPrivateKey } from './issue-certificate.ts';
import { caFits, readPrivateCa, serverFits } from './private-ca-state.ts';
import type { PemFile } from './read-pem.ts';
import type { KeyFile } from './read-private-key.ts';

/** What a private CA is made for, and where it is kept. */
export interface PrivateCaOptions {
  /** Holds `ca.pem`, `ca-key.pem`, `fullchain.pem` and `key.pem`; made with mode 0700 when it is absent. */
  readonly folder: string;
  /** The DNS names and IP addresses of the server. */
  readonly names: readonly [string, ...string[]];
  readonly now: Date;
  /** False: use what the folder holds, make the rest for this run only, and leave the folder as it is. Default true. */
  readonly persist?: boolean;
}

/** A server certificate of a private CA, in the shape that `checkCertificate` takes. */
export interface PrivateCertificate {
  readonly chain: PemFile;
  readonly key: KeyFile;
  readonly ca: PemFile;
  /** The files that this call made or replaced; with `persist: false`, those that it would have. */
  readonly made: readonly CaFileName[];
}

/**
 * Makes a private CA and a server certificate (P-256, one year) for trying things out, or takes those of an earlier
 * call while they are valid for 30 more days and cover the names. A new name costs a new server certificate, never a
 * new CA: who trusts the CA once need not trust it again.
 *
 * The four files are made one after the other, each from those before it and each by one atomic step, so a call that
 * was interrupted is continued by the next one.
 *
 * Throws `LOCAL` when `openssl` is absent or fails, or when the folder holds files that are not from here,
 * `UNSAFE_PATH` when others can write to the folder, `CERTIFICATE` for a name that no certificate can hold.
 * @example
 * await createPrivateCa({ folder: 'certificates', names: ['rancher.example.com'], now: new Date() });
 * @see openssl-ca(1)
 */
export async function createPrivateCa(options: PrivateCaOptions): Promise<PrivateCertificate> {
  throwBadNames(options.names);
  const folder = await openCaFolder(options.folder, { persist: options.persist ?? true });
  try {
    return await fill(folder, options);
  } finally {
    await folder.close();
  }
}

async function fill(folder: CaFolder, { names, now }: PrivateCaOptions): Promise<PrivateCertificate> {
  const have = await readPrivateCa(folder);
  // Only now, as a folder with the files of somebody else was refused by the line above.
  await folder.tidy();
  const made: CaFileName[] = [];
  const make = async (name: CaFileName, content: string | Secret, old?: unknown) => {
    made.push(name);
    // Decided by what was read above: what has come since is the work of another run, which is as good as ours.
    return folder.place(name, content, old === undefined ? 'new' : 'replace');
  };
  const renewCa = !caFits(have, now);
  const renewServer = !serverFits(have, names, now);
  if ((renewCa || renewServer) && !have.caKey) {
    if (have.ca) throw lostCaKey(folder);
    await make('ca-key.pem', newPrivateKey('key of the private CA'));
  }
  if (renewCa) await make('ca.pem', await issueCa(folder, now), have.ca);
  if (!have.key) await make('key.pem', newPrivateKey('key of the server certificate'));
  if (renewServer) await make('fullchain.pem', await issueServer(folder, names, now), have.server);
  return result(folder, made);
}

async function result(folder: CaFolder, made: readonly CaFileName[]): Promise<PrivateCertificate> {
  const publicFile = async (name: CaFileName) => ({
    content: (await folder.read(name)) ?? '',
    file: folder.nameOf(name),
  });
  const key = (await folder.read('key.pem')) ?? '';
  return {
    chain: await publicFile('fullchain.pem'),
    key: {
      pem: new Secret(key, 'key of the server certificate'),
      file: folder.nameOf('key.pem'),
      mode: 0o600,
    },
    ca: await publicFile('ca.pem'),
    made,
  };
}

function lostCaKey(folder: CaFolder): ProvisionError {
  return new ProvisionError({
    code: 'LOCAL',
    happened: `a new certificate is due and ${folder.nameOf('ca-key.pem')} is missing, without which none can be signed`,
    remedy:
      'put the file back, or move the folder away: then a new CA is made, which all clients must trust anew',
  });
}
