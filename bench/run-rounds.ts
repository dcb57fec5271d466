import { join } from 'node:path';
import type { Contender } from './contender.ts';
import type { Entry, Hosts, Lab } from './lab.ts';
import { measure, type Command, type Measured } from './measure.ts';
import type { Workload } from './workloads.ts';

/** What one run of a contender cost. */
export interface Sample extends Measured {
  readonly contender: string;
  readonly round: number;
  /** Processor time of all hosts together; not a number where it cannot be told. */
  readonly hostsCpuMs: number;
}

/** All samples of a workload on so many hosts. Only samples of one round are to be compared: the machine may be busy. */
export interface Results {
  readonly workload: Workload;
  readonly hosts: number;
  readonly samples: readonly Sample[];
}

const limitMs = 15 * 60_000;

/** Runs the contenders one after the other, round by round, in another order each round, and looks at what each has left. */
export async function runRounds(
  lab: Lab,
  workload: Workload,
  { contenders, count, rounds }: { contenders: readonly Contender[]; count: number; rounds: number },
): Promise<Results> {
  const hosts = await lab.hosts(count, workload.delayMs);
  const job = workload.job(lab);
  const running = contenders.flatMap((contender) => {
    const most = contender.mostRounds?.(workload, count) ?? Infinity;
    const command = most > 0 ? contender.command(job, hosts) : undefined;
    return command ? [{ contender, command, most }] : [];
  });
  const samples: Sample[] = [];
  const first = running[0];
  if (!first) return { workload, hosts: count, samples };
  // Files are read for the first time, playbooks compiled, and hosts brought to where they should be. Who takes minutes
  // is not warmed up.
  const warm = workload.before === 'converged' ? [first] : running.filter(({ most }) => most > 1);
  for (const { command } of warm) {
    lab.reset(count);
    await measure(command, { log: logOf(lab), limitMs });
  }
  for (let round = 0; round < rounds; round++) {
    for (let index = 0; index < running.length; index++) {
      const { contender, command, most } = running[(index + round) % running.length]!;
      if (round >= most) continue;
      const sample = await runOnce(lab, workload, {
        command,
        hosts,
        source: 'source' in job ? job.source : undefined,
      });
      samples.push({ ...sample, contender: contender.name, round });
      console.error(
        `${workload.id}, ${count} hosts, round ${round + 1}: ${contender.name}: ${(sample.wallMs / 1000).toFixed(2)} s`,
      );
    }
  }
  return { workload, hosts: count, samples };
}

async function runOnce(
  lab: Lab,
  workload: Workload,
  { command, hosts, source }: { command: Command; hosts: Hosts; source: string | undefined },
): Promise<Measured & { hostsCpuMs: number }> {
  const count = hosts.targets.length;
  if (workload.before === 'empty') lab.reset(count);
  const seen = workload.before === 'converged' ? lab.look(count, '/srv') : undefined;
  const cpuBefore = await lab.cpuMs();
  const measured = await measure(command, { log: logOf(lab), limitMs });
  const hostsCpuMs = (await lab.cpuMs()) - cpuBefore;
  workload.verify(lab, count, source);
  if (seen) requireUntouched(seen, lab.look(count, '/srv'));
  return { ...measured, hostsCpuMs };
}

function logOf(lab: Lab): string {
  return join(lab.folder, 'output.log');
}

/** A run that changes nothing must not write what is there once more, and put nothing beside it. */
function requireUntouched(
  before: readonly ReadonlyMap<string, Entry>[],
  after: readonly ReadonlyMap<string, Entry>[],
): void {
  before.forEach((entries, index) => {
    const now = after[index]!;
    if (now.size !== entries.size)
      throw new Error(`there were ${entries.size} entries, and now there are ${now.size}`);
    for (const [path, { mark }] of entries) {
      if (now.get(path)?.mark !== mark)
        throw new Error(`${path} was touched by a run that should change nothing`);
    }
  });
}
