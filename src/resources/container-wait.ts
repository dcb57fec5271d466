import { ProvisionError } from '../core/errors.ts';
import type { Host } from '../core/host.ts';
import { sh } from '../core/script.ts';
import type { Observation } from '../core/step.ts';
import type { ContainerRecord } from './container-record.ts';
import { isSettled, readContainer } from './container-record.ts';
import type { ContainerWant } from './container-want.ts';
import { quoteLine } from './docker-client.ts';
import { waitUntil } from './wait-until.ts';

/**
 * Waits until a container is up: it runs, stays running, and is ready as the playbook understands it. Ends early when it
 * restarts in a loop or stops, since waiting longer cannot help then.
 * @throws ProvisionError `CONTAINER_UNHEALTHY` with restarts, exit code and the end of its log
 */
export async function waitUntilUp(host: Host, want: ContainerWant, id: string): Promise<void> {
  let saw = 'nothing yet';
  let last: ContainerRecord | undefined;
  const timeoutMs = want.ready?.timeoutMs ?? settleTimeoutMs;
  const up = await waitUntil(
    async (waitedMs) => {
      const record = await readContainer(host, id);
      const verdict = judge(want, record, last);
      // The exit code of a container that has been restarted reads 0 while it runs.
      last = record?.exitCode === 0 && last ? { ...record, exitCode: last.exitCode } : (record ?? last);
      if (verdict !== undefined) throw await unhealthy(host, want, last, verdict);
      const observed = await observe(host, want, record!);
      if (observed.hopeless !== undefined) throw await unhealthy(host, want, last, observed.hopeless);
      if (observed.holds && isSettled(record!)) return true;
      saw = observed.holds ? 'it was restarted a moment ago' : observed.saw;
      host.progress(`${want.name}: waiting for ${goal(want)}: ${quoteLine(saw, 120)} (${clock(waitedMs)})`);
      return undefined;
    },
    { timeoutMs, intervalMs: 1000 },
  );
  if (up) return;
  throw await unhealthy(
    host,
    want,
    last,
    `is not up after ${clock(timeoutMs)}: waited for ${goal(want)}, saw ${saw}`,
  );
}

// Rancher and others restart themselves once or twice while they set themselves up.
const restartsOfALoop = 3;
const settleTimeoutMs = 60_000;
const shortestRunSeconds = 3;

// Why waiting is useless, or undefined.
function judge(
  want: ContainerWant,
  record: ContainerRecord | undefined,
  before: ContainerRecord | undefined,
): string | undefined {
  if (!record) return 'was removed by somebody else';
  if (record.restarts >= restartsOfALoop && !isSettled(record)) {
    return `restarts in a loop: ${record.restarts} restarts, last exit code ${record.exitCode || before?.exitCode || 0}`;
  }
  // A slow start can make a health check fail for a while, so what the playbook calls ready comes first.
  if (!want.ready && record.health === 'unhealthy') return 'is unhealthy by its own health check';
  if (['exited', 'dead', 'created', 'paused'].includes(record.status)) {
    const code = record.status === 'exited' ? ` with exit code ${record.exitCode}` : '';
    return `does not run: it is ${record.status}${code}${record.error === '' ? '' : `: ${record.error}`}`;
  }
  return undefined;
}

async function observe(host: Host, want: ContainerWant, record: ContainerRecord): Promise<Observation> {
  if (record.status !== 'running') return { holds: false, saw: `it is ${record.status}` };
  if (want.ready) return want.ready.observe(host);
  if (record.health === 'starting') return { holds: false, saw: 'its health check has not passed yet' };
  return {
    holds: record.upSeconds >= shortestRunSeconds,
    saw: `it has run for ${Math.round(record.upSeconds)} s`,
  };
}

function goal({ ready }: ContainerWant): string {
  return ready?.describe ?? 'it to run for a few seconds';
}

function clock(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

async function unhealthy(
  host: Host,
  want: ContainerWant,
  record: ContainerRecord | undefined,
  happened: string,
): Promise<ProvisionError> {
  // Both streams: what matters is mostly on the second.
  const log = record
    ? await host.probe(sh`docker logs --tail 400 ${record.id} 2>&1 | tail -c 32000`)
    : undefined;
  const lines = (log?.stdout ?? '').trimEnd().split('\n');
  const worst = lines.findLast((line) =>
    /\[FATAL\]|\bFATAL\b|\bERROR\b|level=(?:fatal|error)|^panic:/.test(line),
  );
  const detail = lines.slice(-20).join('\n');
  return new ProvisionError({
    code: 'CONTAINER_UNHEALTHY',
    happened: `the container ${want.name} ${happened}${worst === undefined ? '' : `; its log says: ${quoteLine(worst)}`}`,
    remedy: remedyFor(detail, record),
    ...(detail === '' ? {} : { detail }),
  });
}

function remedyFor(log: string, record: ContainerRecord | undefined): string {
  if (/exec format error/.test(log + (record?.error ?? '')))
    return 'use an image that is made for the architecture of the host';
  if (record?.outOfMemory || record?.exitCode === 137)
    return 'give the host more memory: exit code 137 is a kill, mostly for lack of it';
  return 'the end of its log says why; correct the arguments, the environment or the mounts in the playbook';
}
