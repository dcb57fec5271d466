import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { engine } from './engine.ts';

/** The label of everything in the engine that belongs to a run; its value is the run's id. */
export const runLabel = 'provision.test';

/** What the hosts of one run have in common. */
export interface TestRun {
  /** `PID-RANDOM` of the process that began it, or a name of its own for a run that outlives its process. */
  id: string;
  /** Mode 0700. */
  directory: string;
  /** Mode 0600, unencrypted. It opens every host of the run. */
  privateKeyPath: string;
  /** One line, as it stands in `authorized_keys`. */
  publicKey: string;
}

/** The run that this process belongs to: the one that the global set-up began, or one of its own. */
export function currentRun(): TestRun {
  const id = (process.env['PROVISION_TEST_RUN'] ??= `${process.pid}-${randomBytes(3).toString('hex')}`);
  return openRun(id, join(tmpdir(), `provision-test-${id}`));
}

/** Opens a run under an id and in a directory of the caller's choice, and makes its key the first time. */
export function openRun(id: string, directory: string): TestRun {
  const privateKeyPath = join(directory, 'id_ed25519');
  const publicKeyPath = `${privateKeyPath}.pub`;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (!existsSync(publicKeyPath)) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519', { comment: `test run ${id}` });
    writeFileSync(privateKeyPath, pair.private, { mode: 0o600 });
    writeFileSync(publicKeyPath, `${pair.public}\n`);
  }
  return { id, directory, privateKeyPath, publicKey: readFileSync(publicKeyPath, 'utf8').trim() };
}

/** Removes the hosts, networks and keys of one run. */
export async function removeRun({ id, directory }: Pick<TestRun, 'id' | 'directory'>): Promise<void> {
  await removeLabelled((value) => value === id);
  rmSync(directory, { recursive: true, force: true });
}

/** Removes what runs have left behind whose process is gone; the hosts of runs that are under way stay. */
export async function sweepDeadRuns(): Promise<void> {
  await removeLabelled((id) => {
    const pid = Number(/^(\d+)-/.exec(id)?.[1]);
    return Number.isInteger(pid) && !isAlive(pid);
  });
}

async function removeLabelled(isDue: (id: string) => boolean): Promise<void> {
  const docker = await engine();
  const filters = { label: [runLabel] };
  const containers = await docker.listContainers({ all: true, filters });
  const dueContainers = containers.filter(({ Labels }) => isDue(Labels[runLabel] ?? ''));
  await Promise.all(dueContainers.map(({ Id }) => removeContainer(Id)));
  const networks = await docker.listNetworks({ filters });
  const dueNetworks = networks.filter(({ Labels }) => isDue(Labels?.[runLabel] ?? ''));
  await Promise.all(dueNetworks.map(({ Id }) => ignoreGone(docker.getNetwork(Id).remove())));
}

/** Ends a container at once and waits until the engine has removed it with its volumes. */
export async function removeContainer(id: string): Promise<void> {
  const container = (await engine()).getContainer(id);
  const removed = ignoreGone(container.wait({ condition: 'removed' }));
  await ignoreGone(container.remove({ force: true, v: true }));
  await removed;
}

/** Hosts remove themselves when they end, so that something is gone, or about to be, is not a failure. */
export async function ignoreGone(request: Promise<unknown>): Promise<void> {
  await request.catch((problem: unknown) => {
    const status = (problem as { statusCode?: number }).statusCode;
    if (status !== 404 && status !== 409) throw problem;
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (problem) {
    return (problem as NodeJS.ErrnoException).code === 'EPERM';
  }
}
