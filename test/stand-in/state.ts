import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createCertificateAuthority, type Certificate } from './certificates.ts';
import { Fatal } from './fatal.ts';
import { parseRelease, type Release } from './release.ts';

/** What survives a restart, and the replacement of the container when `/var/lib/rancher` is kept. */
export interface State {
  tag: string;
  /** Changes with the data, so that a test can tell kept data from a fresh start. */
  installationId: string;
  certificateAuthority: Certificate;
  bootstrapPassword: string;
  bootstrapPasswordIsGenerated: boolean;
  /** Tokens that a login has given out. */
  tokens: string[];
}

const dataDirectory = '/var/lib/rancher';

/**
 * Loads the state of an earlier start, or makes the first one; the log lines of both differ as Rancher's do.
 *
 * @throws {Fatal} when the data belongs to a release from which this one cannot be reached. Only where a file
 *   `stand-in.strict` lies in the data directory: Rancher itself starts, and breaks later.
 */
export function openState(root: string, release: Release, environment: NodeJS.ProcessEnv): State {
  const database = join(
    root,
    dataDirectory,
    release.minor >= 5 ? 'k3s/server/db/etcd' : 'management-state/etcd',
  );
  if (release.resetsCluster && existsSync(database)) {
    console.log('INFO: Running k3s server --cluster-init --cluster-reset');
  }
  mkdirSync(join(database, 'member'), { recursive: true });
  const earlier = readState(root);
  if (earlier !== undefined) refuseUnreachable(root, earlier, release);
  const state = earlier === undefined ? firstState(release, environment) : { ...earlier, tag: release.tag };
  saveState(root, state);
  return state;
}

/** Writes the state, for the next start. */
export function saveState(root: string, state: State): void {
  const file = stateFile(root);
  mkdirSync(dirname(file), { recursive: true });
  // As the database of Rancher, it survives a kill at any time.
  writeFileSync(`${file}.new`, JSON.stringify(state, undefined, 2), { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}

function stateFile(root: string): string {
  return join(root, dataDirectory, 'stand-in.json');
}

function readState(root: string): State | undefined {
  if (!existsSync(stateFile(root))) return undefined;
  return JSON.parse(readFileSync(stateFile(root), 'utf8')) as State;
}

function firstState(release: Release, environment: NodeJS.ProcessEnv): State {
  const given = environment['CATTLE_BOOTSTRAP_PASSWORD'];
  const initial = release.hasBootstrapPassword ? given || randomBytes(27).toString('hex') : 'admin';
  return {
    tag: release.tag,
    installationId: randomBytes(8).toString('hex'),
    certificateAuthority: createCertificateAuthority(),
    bootstrapPassword: initial,
    bootstrapPasswordIsGenerated: release.hasBootstrapPassword && !given,
    tokens: [],
  };
}

function refuseUnreachable(root: string, state: State, release: Release): void {
  if (!existsSync(join(root, dataDirectory, 'stand-in.strict'))) return;
  const earlier = parseRelease(state.tag);
  if (release.order < earlier.order)
    throw new Fatal(`the data was written by the newer release ${state.tag}`);
  if (release.minor > earlier.minor + 1)
    throw new Fatal(`the data of ${state.tag} is more than one minor release old`);
}
