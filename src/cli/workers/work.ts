import { ProvisionError, type Problem } from '../../core/errors.ts';
import type { RunEvent } from '../../core/event.ts';
import type { LargeFile } from '../../core/large-file.ts';
import { createPlan, type Plan, type ResolvedInventory } from '../../core/plan.ts';
import { systemClock } from '../../engine/clock.ts';
import type { Executor } from '../../engine/executor.ts';
import { LocalExecutor } from '../../engine/local-executor.ts';
import { planDigest } from '../../engine/plan-digest.ts';
import { openLargeFile, stampOf } from '../../inventory/open-large-file.ts';
import { mapTexts } from '../../report/map-texts.ts';
import { maskText } from '../../report/mask.ts';
import type { SshTarget } from '../../ssh/target.ts';
import { loadPlaybook } from '../load-playbook.ts';
import { refuseDebugger } from '../refuse-debugger.ts';
import { largeFilesIn, unpack } from './hand-over.ts';
import type { FromWorkerProcess, Setup } from './worker-messages.ts';

/**
 * Makes this process able to do the units of a run, as its coordinator wants it.
 * @throws ProvisionError when the plan that comes out here is another one; nothing was contacted then
 */
export async function prepareWork(
  setup: Setup,
  tell: (message: FromWorkerProcess) => void,
): Promise<Executor> {
  const targets = unpack(setup.targets, new Map()) as ReadonlyMap<string, SshTarget>;
  const plan = await samePlan(setup);
  refuseDebugger();
  const stopped = new AbortController();
  const { acceptNew, reconnectMs, lockWaitMs, run, processes } = setup;
  const { connectBySsh } = await import('../over-ssh.ts');
  const hosts = connectBySsh(targets, {
    acceptNew,
    reconnectMs,
    lockWaitMs,
    run,
    processes,
    onAccepted: (host, fingerprint) => tell({ type: 'accepted', host, fingerprint }),
    ...(setup.debug && {
      onDebug: (host: string, text: string) => tell({ type: 'message', text: maskText(`${host}: ${text}`) }),
    }),
    signal: stopped.signal,
  });
  const local = new LocalExecutor(plan, hosts.connect, systemClock);
  return {
    async *run(unit, signal) {
      const stop = () => stopped.abort(signal.reason);
      signal.addEventListener('abort', stop, { once: true });
      for await (const event of local.run(unit, signal)) yield maskEvent(event);
    },
    async close() {
      await local.close();
      await hosts.close();
    },
  };
}

async function samePlan(setup: Setup): Promise<Plan> {
  const playbook = await loadPlaybook(setup.playbook, process.env);
  const large = await openLargeFiles(setup);
  const resolved = unpack(setup.resolved, large) as ResolvedInventory;
  const chosen = unpack(setup.chosen, large) as ReadonlySet<string> | undefined;
  const plan = createPlan(playbook, resolved, chosen);
  if (planDigest(plan) === setup.digest) return plan;
  throw new ProvisionError({
    code: 'PLAYBOOK',
    happened: 'a worker has made another plan of the same inventory and playbook: the playbook is not pure',
    hostState: 'nothing was contacted',
    remedy:
      'let its plays use what they are given and nothing else: no clock, no chance, no file that changes; or run without --workers',
  });
}

async function openLargeFiles({ resolved }: Setup): Promise<ReadonlyMap<string, LargeFile>> {
  const opened = new Map<string, LargeFile>();
  for (const { path, stamp } of largeFilesIn(resolved)) {
    const file = await openLargeFile(path, opened).catch((error: unknown) => {
      throw changed(path, (error as Error).message);
    });
    if (stampOf(file) !== stamp) throw changed(path, 'its size or its time of change is another one');
  }
  return opened;
}

function changed(path: string, why: string): ProvisionError {
  return new ProvisionError({
    code: 'LOCAL',
    happened: `the file ${path} changed while the workers were started: ${why}`,
    hostState: 'nothing was contacted',
    remedy: 'run again when nothing writes to it any more',
  });
}

/** The coordinator does not know secrets that only came to be here. What names the unit it masks by itself. */
function maskEvent(event: RunEvent): RunEvent {
  const names = Object.entries(event).filter(([key]) => ['host', 'play', 'step'].includes(key));
  return { ...mapTexts(event, maskText), ...Object.fromEntries(names) };
}

/** Problems as they may leave this process. */
export function maskProblems(problems: readonly [Problem, ...Problem[]]): [Problem, ...Problem[]] {
  const [first, ...rest] = problems.map((problem) => mapTexts(problem, maskText));
  return [first!, ...rest];
}
