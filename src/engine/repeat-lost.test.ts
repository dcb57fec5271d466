import { beforeEach, describe, expect, test } from 'vitest';
import { rememberDueNotes } from '../../test/support/remember-due-notes.ts';
import { action, onChange } from '../core/action.ts';
import { condition } from '../core/condition.ts';
import { ProvisionError } from '../core/errors.ts';
import type { RunEvent, RunMode, StepEvent } from '../core/event.ts';
import { inventory, playbook } from '../core/play.ts';
import { createPlan } from '../core/plan.ts';
import { requirement } from '../core/requirement.ts';
import { resource } from '../core/resource.ts';
import type { Step } from '../core/step.ts';
import { MemoryHost } from '../host/memory-host.ts';
import { LocalExecutor } from './local-executor.ts';
import { runPlan } from './run-plan.ts';

/** A line that breaks where it is told to. */
class Line {
  losses = 0;
  /** How often it breaks at each place. */
  readonly breaks = new Map<string, number>();

  at(place: string, how = 'CONN_LOST' as 'CONN_LOST' | 'COMMAND_FAILED'): void {
    const left = this.breaks.get(place) ?? 0;
    if (left === 0) return;
    this.breaks.set(place, left - 1);
    this.losses++;
    throw new ProvisionError({ code: how, happened: `the line broke at ${place}` });
  }
}

let line: Line;
let log: string[];
let value: string;
const notes = new Set<string>();
beforeEach(() => {
  line = new Line();
  log = [];
  value = 'old';
  notes.clear();
});

const thing = resource({
  kind: 'thing',
  want: (props: { value: string }) => props,
  id: () => 'one',
  read: async () => {
    log.push('read');
    line.at('read');
    return { value };
  },
  apply: async (_host, want) => {
    log.push('apply');
    line.at('before');
    value = want.value;
    line.at('after');
    line.at('consequence', 'COMMAND_FAILED');
  },
});

const ready = condition({
  kind: 'ready',
  id: () => 'one',
  observe: async () => {
    log.push('observe');
    line.at('observe');
    return { holds: true, saw: 'it' };
  },
  timeoutMs: () => 60_000,
  remedy: () => 'none',
});

const reload = action({
  kind: 'reload',
  id: () => 'one',
  run: async () => {
    log.push('reload');
    line.at('reload');
  },
});

const enough = requirement({
  name: 'enough',
  rule: 'there is enough',
  check: async () => {
    log.push('check');
    line.at('check');
    return { level: 'pass', figure: 'enough' };
  },
});

const site = inventory({ node: {} });

async function run(steps: readonly Step[], mode: RunMode = 'apply', stop = new AbortController()) {
  const groups = new Map([['node', [{ name: 'a', address: 'a.test', vars: new Map([['node', {}]]) }]]]);
  const plan = createPlan(playbook(site.play('node', () => steps)), { groups });
  const host = rememberDueNotes(new MemoryHost({ name: 'a' }), {
    notes,
    onRemove: () => line.at('forget'),
  });
  const events: RunEvent[] = [];
  let now = 0;
  const clock = { now: () => now, sleep: async (ms: number) => void (now += ms) };
  const connect = async () => ({ host, losses: () => line.losses, close: async () => undefined });
  const { exit } = await runPlan(plan, {
    mode,
    executor: new LocalExecutor(plan, connect, clock),
    listener: (event) => events.push(event),
    clock,
    signal: stop.signal,
  });
  return { exit, steps: events.filter((event): event is StepEvent => event.event === 'step') };
}

describe('F11: a step during which the line broke is done again from its read', () => {
  test.each([
    ['while it was read', 'read', ['read', 'read', 'apply', 'read']],
    ['before the change was made', 'before', ['read', 'apply', 'read', 'apply', 'read']],
    ['after the change was made', 'after', ['read', 'apply', 'read']],
    ['and what it failed with was a consequence', 'consequence', ['read', 'apply', 'read']],
  ])('%s: changed, with what was different at first', async (_name, place, expected) => {
    line.breaks.set(place, 1);
    const { exit, steps } = await run([thing({ value: 'new' })]);
    expect(exit).toBe(0);
    expect(log).toEqual(expected);
    expect(value).toBe('new');
    expect(steps).toMatchObject([
      { status: 'changed', changes: [{ path: 'value', have: 'old', want: 'new' }] },
    ]);
  });

  test('nothing is changed in a check', async () => {
    line.breaks.set('read', 1);
    const { exit, steps } = await run([thing({ value: 'new' })], 'check');
    expect([exit, value, steps[0]?.status]).toEqual([0, 'old', 'would-change']);
  });

  test('three times, and not for ever', async () => {
    line.breaks.set('before', 3);
    expect((await run([thing({ value: 'new' })])).exit).toBe(0);
    line.breaks.set('before', 100);
    log = [];
    const { exit, steps } = await run([thing({ value: 'newer' })]);
    expect(exit).toBe(4);
    expect(log.filter((entry) => entry === 'apply')).toHaveLength(4);
    expect(steps[0]).toMatchObject({ status: 'failed', problems: [{ code: 'CONN_LOST' }] });
  });

  test('a requirement is checked again', async () => {
    line.breaks.set('check', 2);
    const { exit, steps } = await run([enough, thing({ value: 'new' })]);
    expect([exit, steps[0]?.status, value]).toEqual([0, 'ok', 'new']);
    expect(log.filter((entry) => entry === 'check')).toHaveLength(3);
  });
});

test.each([['reload'], ['forget']])(
  'F11: an action that was interrupted (%s) is done again, for its note stands',
  async (place) => {
    line.breaks.set(place, 1);
    const step = thing({ value: 'new' });
    const { exit, steps } = await run([step, onChange([step], reload({}))]);
    expect(exit).toBe(0);
    expect(log.filter((entry) => entry === 'reload')).toHaveLength(2);
    expect(steps.map(({ status }) => status)).toEqual(['changed', 'changed']);
    expect(notes.size).toBe(0);
  },
);

test('F11, F30: a condition goes on for as long as its own deadline says', async () => {
  line.breaks.set('observe', 20);
  expect((await run([ready({})])).exit).toBe(0);
  expect(log).toHaveLength(21);
  line.breaks.set('observe', Infinity);
  const { exit, steps } = await run([ready({})]);
  expect(exit).toBe(2);
  expect(steps[0]).toMatchObject({
    status: 'failed',
    problems: [
      { code: 'CONDITION_TIMEOUT', happened: expect.stringContaining('the connection was lost') as string },
    ],
  });
});

test('F11: an error of a service is no lost line', async () => {
  const failing = resource({
    kind: 'failing',
    want: (props: object) => props,
    id: () => 'one',
    read: async () => {
      log.push('read');
      throw new ProvisionError({ code: 'CONN_LOST', happened: 'no HTTP answer' });
    },
    apply: async () => undefined,
  });
  const { exit } = await run([failing({})]);
  expect([exit, log]).toEqual([4, ['read']]);
});

describe('F27: an interrupt while the host is lost', () => {
  test('is told as an interrupt, and no step counts as failed', async () => {
    const stop = new AbortController();
    const lost = resource({
      kind: 'lost',
      want: (props: object) => props,
      id: () => 'one',
      read: async () => {
        stop.abort(130);
        line.breaks.set('read', 1);
        line.at('read');
        return undefined;
      },
      apply: async () => undefined,
    });
    const { exit, steps } = await run([lost({}), thing({ value: 'new' })], 'apply', stop);
    expect(exit).toBe(130);
    expect(steps).toMatchObject([
      { status: 'skipped', reason: expect.stringContaining('the outcome of this step is unknown') as string },
      { status: 'skipped' },
    ]);
    expect(log).toEqual([]);
  });
});
