import { problemsOf, ProvisionError } from '../core/errors.ts';
import type { Host } from '../core/host.ts';
import { sh } from '../core/script.ts';
import type { ContainerRecord } from './container-record.ts';
import { findContainers, isSettled, previousName } from './container-record.ts';
import { runContainer } from './container-run.ts';
import { parseSpec, specLabel } from './container-spec.ts';
import { waitUntilUp } from './container-wait.ts';
import type { ContainerWant } from './container-want.ts';
import { quoteLine } from './docker-client.ts';

/** The container to go back to when the new one does not come up. */
export interface Fallback {
  readonly record: ContainerRecord;
  /** Its restart policy. */
  readonly policy: string;
  /** Whether it ran, and so has to run again. */
  readonly start: boolean;
}

/**
 * Replaces a container by one with the wanted spec. The old one is put aside and removed only when the new one is up;
 * when that fails, the new one is removed and the old one put back as it was.
 * @throws ProvisionError what went wrong, with what became of the old one as the state of the host
 */
export async function replaceContainer(host: Host, want: ContainerWant, old: ContainerRecord): Promise<void> {
  const start = !['exited', 'created', 'dead'].includes(old.status);
  await guarded(host, want, { record: old, policy: old.restartPolicy, start }, async () => {
    host.progress(`${want.name}: stopping the container that is to be replaced`);
    await putAside(host, want.name, old);
    host.progress(`${want.name}: starting the new container`);
    await waitUntilUp(host, want, await runContainer(host, want));
  });
  await removeContainer(host, old);
}

/** Tries something with a new container, and goes back to the old one when it fails. */
export async function guarded(
  host: Host,
  want: ContainerWant,
  fallback: Fallback,
  attempt: () => Promise<void>,
): Promise<void> {
  try {
    await attempt();
  } catch (error) {
    throw withHostState(error, await goBack(host, want.name, fallback));
  }
}

/** Gives a container its name and its restart policy back, and starts it if it ran. */
export async function putBack(host: Host, name: string, { record, policy, start }: Fallback): Promise<void> {
  const { id } = record;
  await host.run(
    sh`[ "$(docker inspect --type container --format '{{.Name}}' ${id})" = ${`/${name}`} ] || docker rename ${id} ${name} || exit
docker update --restart ${policy === '' ? 'no' : policy} ${id}${start ? sh` && docker start ${id}` : sh``}`,
    { doing: `putting the container ${name} back`, timeoutMs: 120_000 },
  );
}

/** The same error, with the state in which the host was left. */
export function withHostState(error: unknown, hostState: string): ProvisionError {
  const [first, ...rest] = problemsOf(error);
  return new ProvisionError([{ ...first, hostState }, ...rest], { cause: error });
}

/** Removes a container, and never a volume. */
export async function removeContainer(host: Host, { id, name, labels }: ContainerRecord): Promise<void> {
  await host.run(sh`docker rm --force ${id}`, {
    doing: `removing the container ${name}`,
    timeoutMs: stopLimitMs(labels),
  });
}

/** How long a container may take to stop, with some time for Docker itself. */
export function stopLimitMs(labels: ContainerRecord['labels']): number {
  const seconds = parseSpec(labels[specLabel])?.['stopTimeoutSeconds'];
  return (typeof seconds === 'number' ? seconds : 10) * 1000 + 60_000;
}

// Without a restart policy: Docker itself could otherwise start both at the next boot, and the old one first.
async function putAside(host: Host, name: string, old: ContainerRecord): Promise<void> {
  await host.run(
    sh`docker stop ${old.id} && docker update --restart no ${old.id} && docker rename ${old.id} ${previousName(name)}`,
    { doing: `putting the container ${name} aside`, timeoutMs: stopLimitMs(old.labels) },
  );
}

async function goBack(host: Host, name: string, fallback: Fallback): Promise<string> {
  const { record, start } = fallback;
  try {
    const { current } = await findContainers(host, name);
    if (current && current.id !== record.id) await removeContainer(host, current);
    await putBack(host, name, fallback);
  } catch (error) {
    const why = quoteLine(problemsOf(error)[0].happened, 200);
    const byHand = `docker rename ${previousName(name)} ${name} && docker start ${name}`;
    return `the previous container could not be put back (${why}); the next run tries again, or do it by hand: ${byHand}`;
  }
  if (!start) return `the previous container is back, and stopped as it was before`;
  const looped = record.status === 'restarting' || (record.status === 'running' && !isSettled(record));
  return looped
    ? 'the previous container is back, in the state it was in: it did not run well'
    : 'the previous container runs again';
}
