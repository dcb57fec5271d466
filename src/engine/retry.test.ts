import { expect, test } from 'vitest';
import { action, onChange } from '../core/action.ts';
import { block } from '../core/block.ts';
import { ProvisionError, type ErrorCode } from '../core/errors.ts';
import type { RunEvent, StepEvent } from '../core/event.ts';
import { inventory, playbook } from '../core/play.ts';
import { createPlan } from '../core/plan.ts';
import { requirement } from '../core/requirement.ts';
import { resource } from '../core/resource.ts';
import type { StepList } from '../core/step.ts';
import { MemoryHost } from '../host/memory-host.ts';
import { rememberDueNotes } from '../../test/support/remember-due-notes.ts';
import type { Clock } from './clock.ts';
import { LocalExecutor } from './local-executor.ts';
import { runPlan } from './run-plan.ts';

class FakeClock implements Clock {
  time = 0;
  readonly pauses: number[] = [];
  now = () => this.time;
  sleep = async (ms: number) => {
    this.pauses.push(ms);
    this.time += ms;
  };
}

const site = inventory({ node: {} });

async function run(
  steps: StepList,
  {
    host = rememberDueNotes(new MemoryHost({ name: 'a' })),
    clock = new FakeClock(),
    stop = new AbortController(),
  } = {},
) {
  const groups = new Map([['node', [{ name: 'a', address: 'a.test', vars: new Map([['node', {}]]) }]]]);
  const plan = createPlan(playbook(site.play('node', () => steps)), { groups });
  const events: RunEvent[] = [];
  const { exit } = await runPlan(plan, {
    mode: 'apply',
    executor: new LocalExecutor(plan, async () => ({ host, close: async () => undefined }), clock),
    listener: (event) => events.push(event),
    clock,
    signal: stop.signal,
  });
  const told = events.filter((event): event is StepEvent => event.event === 'step');
  const notices = events.flatMap((event) => (event.event === 'notice' ? [event.text] : []));
  return { exit, steps: told, notices };
}

/** A thing whose first applies fail. */
function flaky(failures: number, code: ErrorCode = 'PACKAGE', permanent = false) {
  let tries = 0;
  let done = false;
  const reads: number[] = [];
  const thing = resource({
    kind: 'thing',
    want: (props: object) => props,
    id: () => 'one',
    read: async () => {
      reads.push(tries);
      return done ? {} : undefined;
    },
    diff: (have) => (have ? [] : [{ type: 'value', path: 'thing', want: 'there' }]),
    apply: async () => {
      if (++tries <= failures)
        throw new ProvisionError({
          code,
          happened: 'the mirror is down',
          ...(permanent && { permanent: true }),
        });
      done = true;
    },
    retry: { retries: 3, delayMs: 20_000 },
  });
  return { step: thing({}), reads, tries: () => tries };
}

test('a step that says so is tried again after pauses that double up to a minute, each time from its read', async () => {
  const clock = new FakeClock();
  const { step, reads } = flaky(3);
  const { exit, steps, notices } = await run([step], { clock });
  expect(exit).toBe(0);
  expect(steps).toMatchObject([{ status: 'changed', tries: 4, changes: [{ path: 'thing' }] }]);
  expect(clock.pauses).toEqual([20_000, 40_000, 60_000]);
  expect(reads).toEqual([0, 1, 2, 3, 4]);
  expect(notices).toEqual([
    'thing one: try 1 of 4 failed: the mirror is down; trying again in 20 s',
    'thing one: try 2 of 4 failed: the mirror is down; trying again in 40 s',
    'thing one: try 3 of 4 failed: the mirror is down; trying again in 60 s',
  ]);
});

test('the last failure is the failure of the step', async () => {
  const { steps, exit } = await run([flaky(9).step]);
  expect(exit).toBe(2);
  expect(steps).toMatchObject([{ status: 'failed', tries: 4, problems: [{ code: 'PACKAGE' }] }]);
});

test.each([
  ['LOCKED', false],
  ['HOSTKEY_CHANGED', false],
  ['PLAYBOOK', false],
  ['BECOME_BAD_PASSWORD', false],
  ['UNSUPPORTED', false],
  ['STALE_PLAN', false],
  ['PACKAGE', true],
] as const)('%s (permanent: %s) is not tried again', async (code, permanent) => {
  const { step, tries } = flaky(9, code, permanent);
  const { steps } = await run([step]);
  expect(tries()).toBe(1);
  expect(steps[0]).not.toHaveProperty('tries');
});

test('a change that does not last is made twice, not for ever', async () => {
  let applied = 0;
  const undone = resource({
    kind: 'undone',
    want: (props: object) => props,
    id: () => 'one',
    read: async () => undefined,
    diff: () => [{ type: 'value', path: 'thing', want: 'there' }],
    apply: async () => void applied++,
    retry: { retries: 9, delayMs: 0 },
  });
  const { steps } = await run([undone({})]);
  expect(applied).toBe(2);
  expect(steps).toMatchObject([{ status: 'failed', tries: 2, problems: [{ code: 'VERIFY_FAILED' }] }]);
});

test('an interrupt ends the tries', async () => {
  const stop = new AbortController();
  const { step, tries } = flaky(9);
  const clock = new FakeClock();
  clock.sleep = async () => stop.abort(130);
  const { exit, steps } = await run([step], { clock, stop });
  expect([exit, tries(), steps[0]?.status]).toEqual([130, 1, 'failed']);
});

test('actions and requirements are tried again as a block around them says', async () => {
  let reloads = 0;
  let checks = 0;
  const reload = action({
    kind: 'reload',
    id: () => 'one',
    run: async () => {
      if (++reloads === 1) throw new ProvisionError({ code: 'ACTION_FAILED', happened: 'not now' });
    },
  });
  const enough = requirement({
    name: 'enough',
    rule: 'enough',
    check: async () => ({ level: ++checks === 1 ? 'fail' : 'pass', figure: `check ${checks}` }),
  });
  const { step } = flaky(0);
  const policy = { retry: { retries: 1, delayMs: 10 } };
  const { exit, steps } = await run(block(policy, [enough, step, onChange(step, reload({}))]));
  expect(exit).toBe(0);
  expect(steps.map(({ status, tries }) => [status, tries])).toEqual([
    ['ok', 2],
    ['changed', undefined],
    ['changed', 2],
  ]);
});

test('a step with a deadline is read ahead like any other, and its time begins with its turn', async () => {
  const clock = new FakeClock();
  const reads: string[] = [];
  const quick = resource({
    kind: 'quick',
    want: (props: { name: string }) => props,
    id: ({ name }) => name,
    read: async (_host, { name }) => {
      reads.push(`${name} at ${clock.time}`);
      return { name };
    },
    apply: async () => undefined,
  });
  const waits = flaky(1);
  const { exit } = await run([waits.step, block({ deadlineMs: 100 }, [quick({ name: 'b' })])], { clock });
  expect(exit).toBe(0);
  expect(reads[0]).toBe('b at 0');
});
