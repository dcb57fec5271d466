import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runSequentially } from '../../test/support/sequential-run.ts';
import {
  people,
  SimulatedHost,
  simulatedSteps,
  stepSpecs,
  type World,
} from '../../test/support/simulated-host.ts';
import type { Step } from '../core/step.ts';
import { LookAhead } from './look-ahead.ts';
import { runSteps, type StepReporter } from './run-steps.ts';

/** What the engine makes of a world, and what of it can be seen. */
async function engineRun(world: World, mode: 'apply' | 'check', phase: 'play' | 'requirements' = 'play') {
  const host = new SimulatedHost(world);
  const steps = simulatedSteps(host, world.steps);
  const told: unknown[] = [];
  const reporter: StepReporter = {
    started: ({ id }) => told.push(['started', id]),
    ended: ({ id }, _, outcome) => told.push(['ended', id, outcome]),
    skipped: ({ id }, reason) => told.push(['skipped', id, reason]),
    leftOut: ({ id }) => told.push(['left out', id]),
    failed: ({ id }, _, error, extra) => told.push(['failed', id, (error as Error).message, extra]),
    notice: ({ text }) => told.push(['notice', text]),
  };
  const confirm = host.asking(world);
  await runSteps(steps, { ...surroundings(host, steps, mode, phase), confirm }, reporter);
  return { told, host };
}

function surroundings(
  host: SimulatedHost,
  steps: readonly Step[],
  mode: 'apply' | 'check',
  phase: 'play' | 'requirements',
) {
  return {
    host,
    mode,
    allSteps: steps,
    guard: undefined,
    clock: host.clock,
    losses: () => host.losses,
    signal: host.stop.signal,
    skipRequirements: [],
    pendingChanges: false,
    phase: phase === 'play' ? { type: 'play' as const, index: 0 } : { type: 'requirements' as const },
  };
}

const seen = ({ told, host }: { told: unknown[]; host: SimulatedHost }) => ({
  told,
  cells: host.cells,
  notes: [...host.notes].sort(),
  history: host.history,
  questions: host.questions,
});

describe('whatever the steps are and however they depend on each other, the outcome is that of one after the other', () => {
  test.each(['apply', 'check'] as const)(
    '%s',
    async (mode) => {
      await fc.assert(
        fc.asyncProperty(stepSpecs(), async (world) => {
          expect(seen(await engineRun(world, mode))).toEqual(seen(await runSequentially(world, mode)));
        }),
        { numRuns: 3000 },
      );
    },
    120_000,
  );
});

test('whatever a person answers, and however the host moves meanwhile, later steps see what it is then', async () => {
  await fc.assert(
    fc.asyncProperty(stepSpecs(), people(), async (world, person) => {
      const asked = { ...world, person };
      expect(seen(await engineRun(asked, 'apply'))).toEqual(seen(await runSequentially(asked, 'apply')));
    }),
    { numRuns: 1500 },
  );
}, 120_000);

describe('how often is read', () => {
  const chain = (count: number, changes: (index: number) => boolean): World => ({
    cells: Array.from({ length: count }, () => 0),
    steps: Array.from({ length: count }, (_, index) => ({
      type: 'resource',
      cell: index,
      want: changes(index) ? 1 : 0,
      dependsOn: [],
      hops: index % 3,
    })),
    dueBefore: [],
  });

  test('once a step when nothing changes', async () => {
    for (const count of [1, 25, 500]) {
      const { host } = await engineRun(
        chain(count, () => false),
        'apply',
      );
      expect(host.reads).toBe(count);
    }
  });

  test('about three times a step when all change', async () => {
    for (const count of [1, 25, 500]) {
      const { host } = await engineRun(
        chain(count, () => true),
        'apply',
      );
      expect(host.reads).toBeLessThanOrEqual(3 * count);
      expect(host.reads).toBeGreaterThanOrEqual(2 * count);
    }
  });

  test('never more, whichever steps change', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 400 }), async (changes) => {
        const { host } = await engineRun(
          chain(changes.length, (index) => changes[index]!),
          'apply',
        );
        expect(host.reads).toBeLessThanOrEqual(4 * changes.length);
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  test('once a step in a check, of a long list in parts', async () => {
    const { host } = await engineRun(
      chain(500, (index) => index % 2 === 0),
      'check',
    );
    expect(host.reads).toBe(500);
  });
});

test('nothing is read behind a step that failed, and nobody waits for what was being read', async () => {
  const host = new SimulatedHost({ cells: [0, 0], steps: [], dueBefore: [] });
  const [first, second] = simulatedSteps(host, [
    { type: 'resource', cell: 0, want: 1, dependsOn: [], hops: 0, fails: 'before' },
    { type: 'resource', cell: 1, want: 0, dependsOn: [], hops: 0 },
  ]);
  let asked = 0;
  const endless: Step = {
    ...(second as Step & { type: 'resource' }),
    read: async (readHost) => {
      for (;;) {
        asked++;
        await readHost.stat('/somewhere');
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
  const steps = [first!, endless];
  const told: string[] = [];
  const reporter: StepReporter = {
    started: () => undefined,
    ended: () => undefined,
    skipped: ({ id }) => told.push(`${id} skipped`),
    leftOut: () => undefined,
    failed: ({ id }) => told.push(`${id} failed`),
    notice: () => undefined,
  };
  await runSteps(steps, surroundings(host, steps, 'apply', 'play'), reporter);
  expect(told).toEqual([`${first!.id} failed`, `${endless.id} skipped`]);
  await new Promise((resolve) => setImmediate(resolve));
  const before = asked;
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toBe(before);
});

test('what a read says while it is not its turn is told to nobody', async () => {
  const host = new SimulatedHost({ cells: [0, 0], steps: [], dueBefore: [] });
  const chatty = simulatedSteps(host, [
    { type: 'resource', cell: 0, want: 0, dependsOn: [], hops: 2 },
    { type: 'resource', cell: 1, want: 0, dependsOn: [], hops: 0 },
  ]).map((step, index): Step => ({
    ...(step as Step & { type: 'resource' }),
    read: async (readHost) => {
      readHost.progress(`reading ${index}`);
      return (step as Step & { type: 'resource' }).read(readHost);
    },
  }));
  const ahead = new LookAhead(chatty, { host, signal: host.stop.signal });
  for (const step of chatty) {
    ahead.begin(step);
    await ahead.read(step, () => (step as Step & { type: 'resource' }).read(host));
    ahead.passed();
  }
  expect(host.progressed).toEqual(['reading 0']);
});
