import { beforeEach, describe, expect, test } from 'vitest';
import type { Change } from '../core/change.ts';
import { ProvisionError } from '../core/errors.ts';
import type { Plan } from '../core/plan.ts';
import { resource } from '../core/resource.ts';
import type { ResourceStep } from '../core/step.ts';
import { expectedSteps, PlanGuard } from './plan-guard.ts';
import { Seal } from './seal.ts';

interface Have {
  readonly mode: string;
  readonly pid?: number;
}

const thing = resource({
  kind: 'thing',
  want: (props: { name: string }) => props,
  id: ({ name }) => name,
  read: async () => undefined as Have | undefined,
  precondition: ({ mode }) => ({ mode }),
  apply: async () => undefined,
});

const [first, second] = [thing({ name: 'first' }), thing({ name: 'second' })];
const plan: Plan = {
  plays: [
    {
      name: 'p',
      group: 'g',
      hosts: [{ host: 'a', steps: [first, second], notes: [] }],
      dependsOn: [],
    },
  ],
};
const toMode = (want: string, have?: string): Change => ({
  type: 'value',
  path: 'mode',
  want,
  ...(have !== undefined && { have }),
});

let seal: Seal;
beforeEach(() => (seal = new Seal(plan, 'salt')));

/** A guard for a plan that saw these states and showed these changes. */
async function guardOf(
  seen: readonly [ResourceStep, Have | undefined, readonly Change[]][],
  untouched = true,
): Promise<PlanGuard> {
  const found = seen.map(async ([step, have, changes]) => ({
    id: step.id,
    changes,
    precondition: await seal.of(step.precondition(have)),
  }));
  return new PlanGuard(seal, { untouched, steps: await expectedSteps(await Promise.all(found), seal) });
}

const outcome = (held: Promise<void>) =>
  held.then(
    () => 'held',
    (error: unknown) => (error instanceof ProvisionError ? error.problems[0].code : String(error)),
  );

describe('before this run has changed anything', () => {
  test('a step must find what the plan has found, but for what moves by itself', async () => {
    const guard = () => guardOf([[first, { mode: '0644', pid: 1 }, [toMode('0600', '0644')]]]);
    const changes = [toMode('0600', '0644')];
    expect(await outcome((await guard()).hold(first, changes, { mode: '0644', pid: 2 }))).toBe('held');
    expect(await outcome((await guard()).hold(first, changes, { mode: '0666', pid: 1 }))).toBe('STALE_PLAN');
    expect(await outcome((await guard()).hold(first, changes, undefined))).toBe('STALE_PLAN');
  });

  test('a step that the plan has not meant to change is not changed', async () => {
    const guard = await guardOf([[first, { mode: '0600' }, []]]);
    expect(await outcome(guard.hold(first, [toMode('0600')], { mode: '0644' }))).toBe('STALE_PLAN');
  });
});

describe('after this run has changed something', () => {
  const seen: [ResourceStep, Have | undefined, readonly Change[]][] = [
    [first, undefined, [toMode('0600')]],
    [second, undefined, [toMode('0600')]],
  ];

  test('a step may find what earlier steps have made, and change no more than the plan shows', async () => {
    const guard = await guardOf(seen);
    expect(await outcome(guard.hold(first, [toMode('0600')], undefined))).toBe('held');
    expect(await outcome(guard.hold(second, [toMode('0600', '0644')], { mode: '0644' }))).toBe('held');
  });

  test('a change that is not in the plan is refused, by its place and by what is wanted there', async () => {
    const owner: Change = { type: 'value', path: 'owner', want: 'root' };
    for (const surplus of [owner, toMode('0777')]) {
      const guard = await guardOf(seen, false);
      expect(await outcome(guard.hold(second, [surplus], { mode: '0644' }))).toBe('STALE_PLAN');
    }
  });

  test('what was known after apply only may be anything', async () => {
    const guard = await guardOf([[second, undefined, [{ type: 'unknown', path: 'mode' }]]], false);
    expect(await outcome(guard.hold(second, [toMode('0600')], { mode: '0644' }))).toBe('held');
  });
});

test('a step that is tried again finds its own work', async () => {
  const guard = await guardOf([[first, undefined, [toMode('0600')]]]);
  await guard.hold(first, [toMode('0600')], undefined);
  const half: Change = { type: 'value', path: 'replacement', want: 'finished' };
  expect(await outcome(guard.hold(first, [half], { mode: '0000' }))).toBe('held');
});

test('a run that applies no plan is held to nothing', async () => {
  const guard = new PlanGuard(seal, undefined);
  expect(await outcome(guard.hold(first, [toMode('0600')], undefined))).toBe('held');
});
