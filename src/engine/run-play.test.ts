import { describe, expect, test } from 'vitest';
import { brokenHost, hostNamed, note, runOn } from '../../test/support/engine-run.ts';
import { condition } from '../core/condition.ts';
import { createPlan } from '../core/plan.ts';
import { inventory, playbook, type PlayOptions } from '../core/play.ts';
import { selectSteps } from '../core/select-steps.ts';

const site = inventory({ node: {}, lb: {}, client: {} });
const four = ['n1', 'n2', 'n3', 'n4'];

/** Holds where nothing is written over the file by the host. */
const healthy = condition({
  kind: 'healthy',
  id: (path: string) => path,
  observe: async (host, path) => ({ holds: (await host.readFile(path)) === 'x', saw: 'HTTP 502' }),
  timeoutMs: () => 4000,
  remedy: () => 'look at its log',
});

/** A host that takes the file and then does not serve it. */
function sickHost(name: string) {
  const host = hostNamed(name);
  const readFile = host.readFile.bind(host);
  let reads = 0;
  // Read, verified, and read by the gate.
  host.readFile = async (path: string) => (++reads > 2 ? 'sick' : readFile(path));
  return host;
}

const book = (options: PlayOptions) =>
  playbook(site.play('node', () => [note({ path: '/a', text: 'x' })], options as object));

const bad = (...names: string[]) => Object.fromEntries(names.map((name) => [name, brokenHost(name)]));

type Outcome = Awaited<ReturnType<typeof runOn>>;
const reached = ({ connected }: Outcome) => [...new Set(connected)];
const changed = ({ steps }: Outcome) =>
  steps.filter(({ status }) => status === 'changed').map(({ host }) => host);
const skipReasons = ({ steps }: Outcome) =>
  new Set(steps.filter(({ status }) => status === 'skipped').map(({ reason }) => reason));

describe('serial', () => {
  test('does batch after batch, and says which one it is', async () => {
    const outcome = await runOn(book({ serial: [1, '50%'] }), { node: four });
    const phases = outcome.events.filter((event) => event.event === 'phase' && event.name === 'node');
    expect(phases).toEqual([
      { event: 'phase', name: 'node', hosts: ['n1'], batch: 1, batches: 3 },
      { event: 'phase', name: 'node', hosts: ['n2', 'n3'], batch: 2, batches: 3 },
      { event: 'phase', name: 'node', hosts: ['n4'], batch: 3, batches: 3 },
    ]);
    expect(changed(outcome)).toEqual(four);
  });

  test('one failed host does not stop the batches after it', async () => {
    const outcome = await runOn(book({ serial: 1 }), { node: four }, { hosts: bad('n2') });
    expect(changed(outcome)).toEqual(['n1', 'n3', 'n4']);
    expect(outcome.exit).toBe(2);
  });

  test('one fork does the hosts in strict order, in all plays', async () => {
    const two = playbook(
      site.play('node', () => [note({ path: '/a', text: 'x' })]),
      site.play('lb', () => [note({ path: '/b', text: 'x' })]),
    );
    const outcome = await runOn(two, { node: four, lb: ['n4', 'n1'] }, { forks: 1 });
    expect(outcome.statuses).toEqual([
      ...four.map((host) => `${host} note /a: changed`),
      'n4 note /b: changed',
      'n1 note /b: changed',
    ]);
  });
});

describe('maxFail', () => {
  test('0 stops at the first failure; the others are skipped with the reason', async () => {
    const outcome = await runOn(book({ serial: 1, maxFail: 0 }), { node: four }, { hosts: bad('n2') });
    expect(changed(outcome)).toEqual(['n1']);
    expect(skipReasons(outcome)).toEqual(
      new Set(['more hosts of this play failed than maxFail allows (0): n2']),
    );
    expect(outcome.hosts['n3']).toMatchObject({ failed: 0, skipped: 1 });
    expect(outcome.exit).toBe(2);
  });

  test('counts within a batch too: hosts that are not begun yet are not begun', async () => {
    const outcome = await runOn(book({ maxFail: 0 }), { node: four }, { hosts: bad('n1'), forks: 1 });
    expect(changed(outcome)).toEqual([]);
  });

  test('a share is one of the hosts of the play', async () => {
    const once = await runOn(book({ serial: 1, maxFail: '25%' }), { node: four }, { hosts: bad('n1') });
    expect(changed(once)).toEqual(['n2', 'n3', 'n4']);
    const twice = await runOn(
      book({ serial: 1, maxFail: '25%' }),
      { node: four },
      { hosts: bad('n1', 'n2') },
    );
    expect(changed(twice)).toEqual([]);
  });

  test('a check shows all hosts', async () => {
    const outcome = await runOn(
      book({ serial: 1, maxFail: 0 }),
      { node: four },
      { hosts: bad('n1'), mode: 'check' },
    );
    expect(outcome.statuses.filter((status) => status.endsWith('would-change'))).toHaveLength(3);
  });
});

describe('a canary', () => {
  test('that fails leaves the others as they are', async () => {
    const outcome = await runOn(book({ canary: 1 }), { node: four }, { hosts: bad('n1') });
    expect(changed(outcome)).toEqual([]);
    expect(skipReasons(outcome)).toEqual(new Set(['the canary failed: n1']));
    expect(outcome.exit).toBe(2);
  });

  test('that succeeds lets all others go at once', async () => {
    const outcome = await runOn(book({ canary: 1 }), { node: four }, { hosts: bad('n2') });
    expect(changed(outcome)).toEqual(['n1', 'n3', 'n4']);
  });
});

describe('a gate', () => {
  const gated = (options: PlayOptions = {}) => book({ serial: 2, gate: () => [healthy('/a')], ...options });

  test('is observed on every host of a batch, in the place after its steps', async () => {
    const outcome = await runOn(gated(), { node: four }, { forks: 1 });
    expect(outcome.statuses).toEqual([
      'n1 note /a: changed',
      'n2 note /a: changed',
      'n1 gate healthy /a: ok',
      'n2 gate healthy /a: ok',
      'n3 note /a: changed',
      'n4 note /a: changed',
      'n3 gate healthy /a: ok',
      'n4 gate healthy /a: ok',
    ]);
    const start = outcome.events.find((event) => event.event === 'start')!;
    expect(start.plays[0]!.hosts[0]!.steps).toEqual(['note /a', 'gate healthy /a']);
  });

  test('that does not hold leaves the next batch as it is, and the exit code says so', async () => {
    const outcome = await runOn(gated(), { node: four }, { hosts: { n2: sickHost('n2') }, forks: 1 });
    expect(outcome.steps.find(({ status }) => status === 'failed')).toMatchObject({
      host: 'n2',
      step: 'gate healthy /a',
      problems: [{ code: 'CONDITION_TIMEOUT' }],
    });
    expect(changed(outcome)).toEqual(['n1', 'n2']);
    expect(skipReasons(outcome)).toEqual(new Set(['a host of the batch before does not hold the gate: n2']));
    expect(outcome.exit).toBe(2);
  });

  test('is not held by a host that failed before it came to it', async () => {
    const outcome = await runOn(gated(), { node: four }, { hosts: bad('n2'), forks: 1 });
    expect(changed(outcome)).toEqual(['n1']);
    expect(outcome.statuses).toContain('n2 gate healthy /a: skipped');
    expect(outcome.statuses).toContain('n3 note /a: skipped');
  });

  test('is known after apply in a check with changes, and is observed without', async () => {
    const hosts = Object.fromEntries(four.map((name) => [name, hostNamed(name)]));
    const first = await runOn(gated(), { node: four }, { hosts, mode: 'check' });
    expect(first.steps.find(({ step }) => step.startsWith('gate'))!.reason).toContain('known after apply');
    await runOn(gated(), { node: four }, { hosts });
    const second = await runOn(gated(), { node: four }, { hosts, mode: 'check' });
    expect(second.statuses.filter((status) => status.endsWith(': ok'))).toHaveLength(8);
  });

  test('stays with the steps that are chosen, unless it is skipped by name', async () => {
    const steer = (selection: Parameters<typeof selectSteps>[1]) => ({
      steer: (plan: Parameters<typeof selectSteps>[0]) => selectSteps(plan, selection),
    });
    const chosen = await runOn(gated(), { node: ['n1'] }, steer({ only: ['note *'] }));
    expect(chosen.statuses).toEqual(['n1 note /a: changed', 'n1 gate healthy /a: ok']);
    const without = await runOn(gated(), { node: ['n1'] }, steer({ skip: ['gate *'] }));
    expect(without.steps.at(-1)).toMatchObject({ status: 'skipped', leftOut: true });
  });

  test('of anything but conditions is refused', () => {
    const wrong = { gate: () => [note({ path: '/b', text: 'x' })] } as unknown as PlayOptions;
    const groups = new Map([['node', [{ name: 'n1', address: 'n1', vars: new Map() }]]]);
    expect(() => createPlan(book(wrong), { groups })).toThrow(
      /PLAYBOOK n1 gate note \/b .*it is no condition/,
    );
  });
});

describe('what builds on hosts that are not well', () => {
  const chain = playbook(
    site.play('node', () => [note({ path: '/a', text: 'x' })], { serial: 1, maxFail: 0 }),
    site.play('lb', ({ groups }) => [note({ path: '/b', text: groups.node.map(({ name }) => name).join() })]),
    site.play('client', ({ groups }) => [
      note({ path: '/c', text: groups.lb.map(({ name }) => name).join() }),
    ]),
    site.play('node', () => [note({ path: '/d', text: 'x' })]),
  );
  const groups = { node: ['n1', 'n2'], lb: ['l1'], client: ['c1'] };

  test('is skipped with the reason, along the whole chain and in later plays', async () => {
    const outcome = await runOn(chain, groups, { hosts: bad('n1') });
    expect(outcome.steps.map(({ host, step, reason }) => [host, step, reason])).toEqual([
      ['n1', 'note /a', undefined],
      ['n2', 'note /a', 'more hosts of this play failed than maxFail allows (0): n1'],
      ['l1', 'note /b', '"n1", which this play builds on, failed'],
      ['c1', 'note /c', '"l1", which this play builds on, was skipped'],
      ['n1', 'note /d', 'this host failed before'],
      ['n2', 'note /d', 'more hosts of this play failed than maxFail allows (0): n1'],
    ]);
    expect(outcome.exit).toBe(2);
  });

  test('goes on where only hosts failed that are not chosen: nobody has looked at them', async () => {
    const outcome = await runOn(chain, groups, { hosts: bad('n1'), chosen: ['l1', 'c1'] });
    expect(reached(outcome)).toEqual(['l1', 'c1']);
    expect(changed(outcome)).toEqual(['l1', 'c1']);
    expect(outcome.exit).toBe(0);
  });
});
