import type { Plan } from '../../core/plan.ts';
import { systemClock } from '../../engine/clock.ts';
import type { Executor } from '../../engine/executor.ts';
import { planDigest } from '../../engine/plan-digest.ts';
import { WorkerExecutor } from '../../engine/worker-executor.ts';
import type { SshTarget } from '../../ssh/target.ts';
import type { Input } from '../read-input.ts';
import { newRun } from '../run-identity.ts';
import { pack } from './hand-over.ts';
import type { Setup } from './worker-messages.ts';
import { WorkerProcess, type WorkerNews } from './worker-process.ts';

export type WorkerSettings = Pick<Setup, 'acceptNew' | 'debug' | 'reconnectMs' | 'lockWaitMs'>;

/**
 * Starts processes that share the hosts of a plan. Each makes the plan by itself, of values that are read here and handed over.
 * @throws ProvisionError when a value cannot be handed over, or a worker makes another plan; nothing was contacted then
 */
export async function startWorkers(
  input: Input,
  targets: ReadonlyMap<string, SshTarget>,
  { count, news, ...settings }: WorkerSettings & { readonly count: number; readonly news: WorkerNews },
): Promise<{ readonly executor: Executor; close(): Promise<void> }> {
  const { plan, files } = input;
  const shares = shareHosts(plan, count);
  const common = {
    type: 'setup',
    playbook: files.playbook,
    resolved: pack(input.resolved),
    chosen: pack(input.chosen),
    digest: planDigest(input.whole),
    run: newRun(),
    processes: shares.length,
    ...settings,
  } as const;
  const setups = shares.map((hosts): Setup => {
    const own = new Map([...targets].filter(([name]) => hosts.includes(name)));
    return { ...common, targets: pack(own) };
  });
  const once = acceptingOnce(news);
  const workers = shares.map((hosts) => ({ hosts, link: new WorkerProcess(once) }));
  const kill = () => workers.forEach(({ link }) => link.kill('this process ends'));
  process.once('exit', kill);
  const close = async () => {
    await Promise.all(workers.map(({ link }) => link.close()));
    process.off('exit', kill);
  };
  const executor = new WorkerExecutor(plan, workers, systemClock);
  try {
    await Promise.all(workers.map(({ link }, index) => link.setUp(setups[index]!)));
  } catch (error) {
    kill();
    await close();
    throw error;
  }
  return { executor, close };
}

/** Hosts by worker, one after the other in the order of the plan, so that those of each play are spread, too. */
function shareHosts(plan: Plan, count: number): string[][] {
  const hosts = [...new Set(plan.plays.flatMap((play) => play.hosts.map(({ host }) => host)))];
  const shares = Array.from({ length: Math.min(count, hosts.length) }, (): string[] => []);
  for (const [index, host] of hosts.entries()) shares[index % shares.length]!.push(host);
  return shares;
}

/** Several workers may have logged in to one jump host, and found its key new. */
function acceptingOnce(news: WorkerNews): WorkerNews {
  const told = new Set<string>();
  return {
    message: (text) => news.message(text),
    accepted(host, fingerprint) {
      const key = `${host} ${fingerprint}`;
      if (!told.has(key)) news.accepted(host, fingerprint);
      told.add(key);
    },
  };
}
