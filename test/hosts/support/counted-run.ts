import type { StepEvent } from 'provision';
import type { Plan } from '../../../src/core/plan.ts';
import type { Step } from '../../../src/core/step.ts';
import { readInput } from '../../../src/cli/read-input.ts';
import { systemClock } from '../../../src/engine/clock.ts';
import { LocalExecutor, type Connect } from '../../../src/engine/local-executor.ts';
import { runPlan } from '../../../src/engine/run-plan.ts';
import { connectLasting } from '../../../src/ssh/lasting-connection.ts';
import { CountedHost, RoundTrips } from '../../support/round-trips.ts';

/** What a run has asked of one host for its steps. Login, lock and what comes with them are none of it. */
interface HostCount {
  readonly trips: RoundTrips;
  readonly steps: number;
  /** How often they were read, checked or observed. */
  reads: number;
}

export interface CountedRun {
  readonly exit: number;
  readonly steps: readonly StepEvent[];
  readonly hosts: ReadonlyMap<string, HostCount>;
}

/** Applies a playbook as the command line does, in this process, on real connections that are counted. */
export async function countedRun(files: {
  readonly inventory: string;
  readonly playbook?: string;
}): Promise<CountedRun> {
  const { plan, targets } = await readInput({ ...files, sshConfig: 'none', readOnly: false }, {});
  const hosts = new Map([...targets.keys()].map((name) => [name, countOf(plan, name)]));
  const watched = countReads(plan, (host) => hosts.get(host)!.reads++);
  const connect: Connect = async (name, progress) => {
    const target = targets.get(name)!;
    const knownHosts = { files: [], acceptNew: false };
    const connection = await connectLasting(target, { knownHosts, connectTimeoutMs: 10_000, reconnectMs: 0 });
    const options = { name, address: target.address, connection, progress, clock: Date.now };
    const host = new CountedHost(hosts.get(name)!.trips, options);
    return { host, losses: () => connection.losses, close: () => connection.close() };
  };
  const executor = new LocalExecutor(watched, connect, systemClock);
  const steps: StepEvent[] = [];
  const { exit } = await runPlan(watched, {
    mode: 'apply',
    executor,
    listener: (event) => event.event === 'step' && void steps.push(event),
    clock: systemClock,
    signal: new AbortController().signal,
  });
  await executor.close();
  return { exit, steps, hosts };
}

function countOf(plan: Plan, host: string): HostCount {
  const own = plan.plays.flatMap((play) => play.hosts.filter((each) => each.host === host));
  return { trips: new RoundTrips(), steps: own.flatMap(({ steps }) => steps).length, reads: 0 };
}

function countReads(plan: Plan, onRead: (host: string) => void): Plan {
  const plays = plan.plays.map((play) => ({
    ...play,
    hosts: play.hosts.map((own) => ({
      ...own,
      steps: own.steps.map((step) => counted(step, () => onRead(own.host))),
    })),
  }));
  return { ...plan, plays };
}

function counted(step: Step, onRead: () => void): Step {
  const count = <Args extends unknown[], T>(read: (...args: Args) => T) => {
    return (...args: Args): T => {
      onRead();
      return read(...args);
    };
  };
  switch (step.type) {
    case 'resource':
      return { ...step, read: count((host) => step.read(host)) };
    case 'requirement':
      return { ...step, check: count((host) => step.check(host)) };
    case 'condition':
      return { ...step, observe: count((host) => step.observe(host)) };
    case 'onChange':
      return step;
  }
}
