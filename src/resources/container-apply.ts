import { ProvisionError } from '../core/errors.ts';
import type { Host } from '../core/host.ts';
import { sh } from '../core/script.ts';
import type { ContainerRecord, FoundContainers } from './container-record.ts';
import { findContainers, isSettled, readContainer } from './container-record.ts';
import {
  guarded,
  putBack,
  removeContainer,
  replaceContainer,
  stopLimitMs,
  withHostState,
} from './container-replace.ts';
import { runContainer, startFailure } from './container-run.ts';
import { isUpToDate, refuseForeign } from './container-state.ts';
import { waitUntilUp } from './container-wait.ts';
import type { ContainerMount, ContainerWant } from './container-want.ts';
import { outputOfFailure, requireEngine } from './docker-client.ts';
import { pullImage } from './docker-pull.ts';
import { readImage } from './image.ts';

/**
 * Makes a container what is wanted: ends what a run that was killed has left, then installs, replaces or starts it.
 * It looks again by itself, since what was read may be minutes old.
 */
export async function applyContainer(host: Host, want: ContainerWant): Promise<void> {
  const found = await findContainers(host, want.name);
  await requireEngine(host, found.engine);
  refuseForeign(want.name, found);
  const current = await resume(host, want, found);
  if (current && (await isUpToDate(current, want))) return revive(host, want, current);
  await prepare(host, want);
  return current ? replaceContainer(host, want, current) : install(host, want);
}

/** Ends a replacement that a run before has begun, and returns the container to go on with. */
async function resume(
  host: Host,
  want: ContainerWant,
  { current, previous }: FoundContainers,
): Promise<ContainerRecord | undefined> {
  if (current?.status === 'dead') {
    await removeContainer(host, current);
    return resume(host, want, previous ? { previous } : {});
  }
  if (!previous) return current;
  const fallback = { record: previous, policy: want.restart, start: true };
  if (!current) {
    host.progress(`${want.name}: putting back the container that a run before has put aside`);
    await putBack(host, want.name, fallback);
    return readContainer(host, previous.id);
  }
  if (await isUpToDate(current, want)) {
    await guarded(host, want, fallback, () => revive(host, want, current));
  } else if (!isSettled(current)) {
    await removeContainer(host, current);
    return resume(host, want, { previous });
  }
  // The newer one runs, and may have changed the data in a way that the older one does not understand: no way back.
  await removeContainer(host, previous);
  return current;
}

async function install(host: Host, want: ContainerWant): Promise<void> {
  host.progress(`${want.name}: starting the container`);
  const id = await runContainer(host, want);
  try {
    await waitUntilUp(host, want, id);
  } catch (error) {
    // There is nothing to go back to, and its log is the best there is to find out why.
    throw withHostState(
      error,
      `the container stays as it is, to be looked at with "docker logs ${want.name}"`,
    );
  }
}

/** Starts a container that is the right one, and waits for it. */
async function revive(
  host: Host,
  want: ContainerWant,
  { id, name, ...record }: ContainerRecord,
): Promise<void> {
  if (name !== want.name) await host.run(sh`docker rename ${id} ${want.name}`);
  if (record.restartPolicy !== want.restart)
    await host.run(sh`docker update --restart ${want.restart} ${id}`);
  const verb = verbFor({ id, name, ...record });
  if (verb !== undefined) {
    host.progress(`${want.name}: docker ${verb}`);
    try {
      await host.run(sh`docker ${verb} ${id}`, {
        doing: `docker ${verb} ${want.name}`,
        timeoutMs: stopLimitMs(record.labels),
      });
    } catch (error) {
      const words = outputOfFailure(error);
      throw words === undefined ? error : startFailure(want, words);
    }
  }
  await waitUntilUp(host, want, id);
}

// Of a loop, Docker tries the next round after up to a minute; a restart tries now and counts from zero.
function verbFor(record: ContainerRecord): 'start' | 'restart' | 'unpause' | undefined {
  if (record.status === 'paused') return 'unpause';
  if (record.status === 'restarting') return 'restart';
  if (record.status === 'running') return isSettled(record) || record.restarts < 3 ? undefined : 'restart';
  return 'start';
}

// All that can fail without a container fails before one is stopped.
async function prepare(host: Host, want: ContainerWant): Promise<void> {
  for (const mount of want.mounts) await provideSource(host, want, mount);
  const present = await readImage(host, want.image);
  if (present?.engine !== 'answers') await pullImage(host, want.image, want.credentials);
}

async function provideSource(host: Host, want: ContainerWant, mount: ContainerMount): Promise<void> {
  if (mount.type !== 'bind' || (await host.stat(mount.source))) return;
  if (mount.create === true) {
    await host.run(sh`umask 022 && mkdir -p -- ${mount.source}`, {
      doing: `making the directory ${mount.source}`,
    });
    return;
  }
  throw new ProvisionError({
    code: 'STEP_FAILED',
    happened: `the container ${want.name} mounts ${mount.source}, and there is no such file or directory`,
    hostState: 'no container was touched',
    remedy: 'make it with a step before this one, or say create: true if it is to be an empty directory',
  });
}
