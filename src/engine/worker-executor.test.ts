import { expect, test } from 'vitest';
import type { RunEvent, StepEvent } from '../core/event.ts';
import { systemClock } from './clock.ts';
import { LocalExecutor } from './local-executor.ts';
import { runPlan } from './run-plan.ts';
import { serveUnits } from './serve-units.ts';
import { Lab, play, testExecutorContract, type MakeExecutor } from './test-executor-contract.ts';
import { StillClock } from './test-clock.ts';
import { linkPair } from './test-link.ts';
import { WorkerExecutor } from './worker-executor.ts';
import type { FromWorker, ToWorker } from './worker-link.ts';

/** Two workers in this process, each on a line of its own. */
function workers(ownClock?: StillClock): {
  make: MakeExecutor;
  cut: (worker: number, why: string) => void;
  hang: (worker: number) => void;
} {
  const pairs = [linkPair<ToWorker, FromWorker>(), linkPair<ToWorker, FromWorker>()];
  return {
    make: (plan, connect, clock) => {
      for (const { there } of pairs) serveUnits(new LocalExecutor(plan, connect, clock), there);
      const hosts = [['a', 'gone'], ['b']];
      return new WorkerExecutor(
        plan,
        pairs.map(({ here }, index) => ({ link: here, hosts: hosts[index]! })),
        ownClock ?? clock,
      );
    },
    cut: (worker, why) => pairs[worker]!.cut(why),
    hang: (worker) => pairs[worker]!.hang(),
  };
}

testExecutorContract('the executor of workers', (...given) => workers().make(...given));

const stepsOf = (events: readonly RunEvent[]) =>
  events.filter((event): event is StepEvent => event.event === 'step');

test('a worker that is lost fails the step under way of its host, and says what to do', async () => {
  const { make, cut } = workers();
  const lab = new Lab(make, (event) => {
    if (event.event === 'step-start') cut(0, 'it was ended by SIGKILL');
  });
  const [first, ...rest] = stepsOf(await lab.run(play('a')));
  expect(first).toMatchObject({ step: 'thing first', status: 'failed' });
  expect(first!.problems).toMatchObject([
    {
      code: 'WORKER_LOST',
      host: 'a',
      happened: 'the worker process of this host was lost: it was ended by SIGKILL',
      hostState: expect.stringContaining('unknown') as unknown,
      remedy: expect.stringContaining('run again') as unknown,
    },
  ]);
  expect(rest.map(({ step, status }) => `${step}: ${status}`)).toEqual([
    'thing second: skipped',
    'thing third: skipped',
  ]);
});

test('the hosts of the other workers go on, the run ends, and it is no success', async () => {
  const { make, cut } = workers();
  const lab = new Lab(make);
  const events: RunEvent[] = [];
  const { hosts, exit } = await runPlan(lab.plan, {
    mode: 'apply',
    executor: lab.executor,
    listener: (event) => {
      events.push(event);
      if (event.event === 'step-start' && event.host === 'a' && event.step === 'thing first') cut(0, 'gone');
    },
    clock: systemClock,
    signal: new AbortController().signal,
    requirements: false,
  });
  await lab.executor.close();
  expect(lab.log).toContain('b: second');
  expect(lab.log).toContain('b: closed');
  expect(hosts['a']).toMatchObject({ failed: 1, skipped: 2 });
  expect(hosts['b']).toMatchObject({ changed: 1, failed: 1, skipped: 1 });
  // The disk of b is full, and "gone" could not be reached before its worker was lost.
  expect(exit).toBe(6);
});

test('units that come after the loss fail at once, as those of a host that cannot be reached', async () => {
  const { make, cut } = workers();
  const lab = new Lab(make);
  cut(0, 'it was ended by SIGKILL');
  await new Promise((resolve) => setImmediate(resolve));
  expect(await lab.run(play('a'))).toMatchObject([
    { step: 'connect', status: 'failed', problems: [{ code: 'WORKER_LOST' }] },
  ]);
  await lab.executor.close();
});

test('a worker that hangs is ended after a minute of silence, and fails its hosts and no other', async () => {
  const clock = new StillClock();
  const { make, hang } = workers(clock);
  let tell = () => {};
  const hung = new Promise<void>((resolve) => (tell = resolve));
  const lab = new Lab(make, (event) => {
    if (event.event !== 'step-start' || event.host !== 'a') return;
    hang(0);
    tell();
  });
  const lost = lab.run(play('a'));
  await hung;
  const state = { isOver: false };
  const both = Promise.all([lost, lab.run(play('b'))]).finally(() => (state.isOver = true));
  while (!state.isOver) await clock.wake();
  const [ofA, ofB] = await both;
  const [first, ...rest] = stepsOf(ofA);
  expect(first!.problems).toMatchObject([
    {
      code: 'WORKER_LOST',
      happened: 'the worker process of this host was lost: it gave no sign of life for 60 s',
      hostState: expect.stringContaining('unknown') as unknown,
      remedy: expect.stringContaining('run again') as unknown,
    },
  ]);
  expect(rest.map(({ step, status }) => `${step}: ${status}`)).toEqual([
    'thing second: skipped',
    'thing third: skipped',
  ]);
  expect(stepsOf(ofB).map(({ status }) => status)).toEqual(['changed', 'failed', 'skipped']);
  expect(stepsOf(ofB)[1]!.problems).toMatchObject([{ code: 'DISK_FULL' }]);
  await lab.executor.close();
});
