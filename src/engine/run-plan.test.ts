import { describe, expect, test } from 'vitest';
import { brokenHost, hostNamed, note, reload, runOn } from '../../test/support/engine-run.ts';
import { onChange } from '../core/action.ts';
import { condition } from '../core/condition.ts';
import { ProvisionError } from '../core/errors.ts';
import { inventory, playbook, type Playbook } from '../core/play.ts';
import { requirement } from '../core/requirement.ts';
import { resource } from '../core/resource.ts';
import type { MemoryHost } from '../host/memory-host.ts';

const site = inventory({ node: {}, lb: {} });

/** A run on one host of each group, unless others are said. */
function run(
  book: Playbook,
  hosts: Record<string, MemoryHost>,
  {
    groups = { node: ['node-1'], lb: ['lb-1'] },
    ...options
  }: Parameters<typeof runOn>[2] & { groups?: Record<string, readonly string[]> } = {},
) {
  return runOn(book, groups, { hosts, ...options });
}

describe('a resource', () => {
  const book = playbook(site.play('node', () => [note({ path: '/a', text: 'new' })]));

  test('is changed once, and is ok in the second run', async () => {
    const host = hostNamed('node-1');
    const first = await run(book, { 'node-1': host });
    expect(first.statuses).toEqual(['node-1 note /a: changed']);
    expect(first.hosts['node-1']).toEqual({ ok: 0, changed: 1, failed: 0, skipped: 0 });
    const second = await run(book, { 'node-1': host });
    expect(second.statuses).toEqual(['node-1 note /a: ok']);
    expect(host.writes).toHaveLength(1);
  });

  test('is only read in a check, which tells what would change', async () => {
    const host = hostNamed('node-1');
    const { steps, exit, hosts } = await run(book, { 'node-1': host }, { mode: 'check' });
    expect(steps[0]).toMatchObject({ status: 'would-change', changes: [{ path: 'text', want: 'new' }] });
    expect(hosts['node-1']).toMatchObject({ changed: 0, wouldChange: 1 });
    expect(exit).toBe(0);
    expect(host.writes).toEqual([]);
  });

  test('fails when its change does not last', async () => {
    const host = hostNamed('node-1');
    host.writeFile = async () => undefined;
    const { steps, exit } = await run(book, { 'node-1': host });
    expect(steps[0]!.problems![0]).toMatchObject({ code: 'VERIFY_FAILED', host: 'node-1', step: 'note /a' });
    expect(steps[0]!.problems![0]!.at![0]!.file).toContain('run-plan.test.ts');
    expect(exit).toBe(2);
  });
});

describe('requirements', () => {
  const needs = (level: 'pass' | 'warn' | 'fail') =>
    requirement({ name: 'memory', rule: 'at least 4 GB', check: async () => ({ level, figure: '1 GB' }) });
  const book = playbook(
    site.play('node', () => [note({ path: '/a', text: 'x' })]),
    site.play('lb', () => [needs('fail'), note({ path: '/b', text: 'x' })]),
  );

  test('of every host are checked before the first change on any host', async () => {
    const node = hostNamed('node-1');
    const { statuses, exit } = await run(book, { 'node-1': node, 'lb-1': hostNamed('lb-1') });
    expect(node.writes).toEqual([]);
    expect(statuses).toEqual([
      'lb-1 requirement memory: failed',
      'node-1 note /a: skipped',
      'lb-1 note /b: skipped',
    ]);
    expect(exit).toBe(2);
  });

  test('can be overridden by name', async () => {
    const hosts = { 'node-1': hostNamed('node-1'), 'lb-1': hostNamed('lb-1') };
    const { statuses, exit } = await run(book, hosts, { skipRequirements: ['memory'] });
    expect(statuses).toEqual([
      'lb-1 requirement memory: skipped',
      'node-1 note /a: changed',
      'lb-1 note /b: changed',
    ]);
    expect(exit).toBe(0);
  });

  test('warn without stopping anything', async () => {
    const warned = playbook(site.play('lb', () => [needs('warn'), note({ path: '/b', text: 'x' })]));
    const { steps, exit } = await run(warned, { 'lb-1': hostNamed('lb-1'), 'node-1': hostNamed('node-1') });
    expect(steps[0]).toMatchObject({
      status: 'ok',
      figure: '1 GB',
      warning: '1 GB; the rule: at least 4 GB',
    });
    expect(exit).toBe(0);
  });

  test('do not hide the rest of the plan in a check', async () => {
    const hosts = { 'node-1': hostNamed('node-1'), 'lb-1': hostNamed('lb-1') };
    const { statuses, exit } = await run(book, hosts, { mode: 'check' });
    expect(statuses).toContain('lb-1 note /b: would-change');
    expect(exit).toBe(2);
  });
});

describe('hosts and plays', () => {
  const book = playbook(
    site.play('node', ({ host }) => [note({ path: '/a', text: host.name })]),
    site.play('lb', ({ groups }) => [
      note({ path: '/b', text: groups.node.map((node) => node.address).join() }),
    ]),
  );
  const groups = { node: ['node-1', 'node-2'], lb: ['lb-1'] };

  test('F57: one failing host does not stop the others of its play, but the play that builds on it', async () => {
    const lb = hostNamed('lb-1');
    const hosts = { 'node-1': hostNamed('node-1'), 'node-2': brokenHost('node-2'), 'lb-1': lb };
    const { steps, statuses, exit } = await run(book, hosts, { groups });
    expect(statuses).toContain('node-1 note /a: changed');
    expect(statuses).toContain('node-2 note /a: failed');
    expect(steps.at(-1)).toMatchObject({
      status: 'skipped',
      reason: '"node-2", which this play builds on, failed',
    });
    expect(lb.writes).toEqual([]);
    expect(exit).toBe(2);
  });

  test('an unreachable host is reported as such', async () => {
    const away = { 'node-1': new ProvisionError({ code: 'CONN_REFUSED', happened: 'refused' }) };
    const { statuses, exit } = await run(book, { 'lb-1': hostNamed('lb-1') }, { away });
    expect(statuses).toEqual(['node-1 connect: failed', 'node-1 note /a: skipped', 'lb-1 note /b: skipped']);
    expect(exit).toBe(4);
  });

  test('peers come with their address', async () => {
    const lb = hostNamed('lb-1');
    await run(book, { 'node-1': hostNamed('node-1'), 'node-2': hostNamed('node-2'), 'lb-1': lb }, { groups });
    expect(lb.writes.map(({ content }) => content)).toEqual(['node-1.test,node-2.test']);
  });

  test('serial runs so many hosts at a time', async () => {
    let running = 0;
    let most = 0;
    const slow = resource({
      kind: 'slow',
      want: () => ({ done: true }),
      id: () => 'x',
      read: async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        return { done: true };
      },
      apply: async () => undefined,
    });
    const names = ['a', 'b', 'c', 'd', 'e'];
    const hosts = Object.fromEntries(names.map((name) => [name, hostNamed(name)]));
    await run(playbook(site.play('node', () => [slow({})], { serial: '40%' })), hosts, {
      groups: { node: names },
    });
    expect(most).toBe(2);
  });
});

describe('onChange', () => {
  const config = () => note({ path: '/etc/app.conf', text: 'v2' });
  const book = (dies = false) =>
    playbook(
      site.play('node', () => {
        const watched = config();
        const bomb = note({
          path: '/bomb',
          text: 'x',
          onApply: () => {
            if (dies) throw new ProvisionError({ code: 'CONN_LOST', happened: 'the line was cut' });
          },
        });
        return [watched, bomb, onChange(watched, reload('app'))];
      }),
    );

  test('runs its action once after a change, and not without one', async () => {
    const host = hostNamed('node-1');
    await run(book(), { 'node-1': host });
    const second = await run(book(), { 'node-1': host });
    expect(host.runs.filter((script) => script.startsWith('reload'))).toEqual(['reload app']);
    expect(second.statuses.at(-1)).toBe('node-1 on change reload app: ok');
  });

  test('F28: is made up for by the next run when a run dies between the change and the action', async () => {
    const host = hostNamed('node-1');
    const dead = await run(book(true), { 'node-1': host });
    expect(dead.statuses.at(-1)).toBe('node-1 on change reload app: skipped');
    const check = await run(book(), { 'node-1': host }, { mode: 'check' });
    expect(check.statuses.at(-1)).toBe('node-1 on change reload app: would-change');
    const next = await run(book(), { 'node-1': host });
    expect(next.statuses[0]).toBe('node-1 note /etc/app.conf: ok');
    expect(next.statuses.at(-1)).toBe('node-1 on change reload app: changed');
  });
});

describe('a condition', () => {
  const ready = (looks: (n: number) => { holds: boolean; saw: string; hopeless?: string }) => {
    let n = 0;
    return condition({
      kind: 'ready',
      id: () => 'app',
      observe: async () => looks(++n),
      timeoutMs: () => 10_000,
      remedy: () => 'look at its log',
    })({});
  };
  const bookOf = (step: ReturnType<typeof ready>) => playbook(site.play('node', () => [step]));

  test('is looked at again until it holds, telling what it waits for', async () => {
    const step = ready((n) => ({ holds: n === 3, saw: n === 3 ? 'pong' : 'refused' }));
    const { steps, events } = await run(bookOf(step), { 'node-1': hostNamed('node-1') });
    expect(steps[0]).toMatchObject({ status: 'ok', figure: 'pong', ms: 4000 });
    expect(events.filter((event) => event.event === 'progress').map((event) => event.text)).toEqual([
      'waiting for ready app: refused (0 s of at most 10 s)',
      'waiting for ready app: refused (2 s of at most 10 s)',
    ]);
  });

  test('ends at its time limit with what was seen last', async () => {
    const step = ready(() => ({ holds: false, saw: 'refused' }));
    const { steps, clock } = await run(bookOf(step), { 'node-1': hostNamed('node-1') });
    expect(steps[0]!.problems![0]).toMatchObject({
      code: 'CONDITION_TIMEOUT',
      happened: 'not within 10 s; last seen: refused',
      remedy: 'look at its log',
    });
    expect(clock.now()).toBe(10_000);
  });

  test('ends early when waiting cannot help', async () => {
    const step = ready(() => ({ holds: false, saw: 'exited', hopeless: 'it restarts in a loop' }));
    const { steps, clock } = await run(bookOf(step), { 'node-1': hostNamed('node-1') });
    expect(steps[0]!.problems![0]!.code).toBe('CONDITION_FAILED');
    expect(clock.now()).toBe(0);
  });

  test('is not guessed in a check when something before it would change', async () => {
    const step = ready(() => ({ holds: false, saw: 'refused' }));
    const book = playbook(site.play('node', () => [note({ path: '/a', text: 'x' }), step]));
    const { steps, exit } = await run(book, { 'node-1': hostNamed('node-1') }, { mode: 'check' });
    expect(steps[1]!.status).toBe('skipped');
    expect(steps[1]!.reason).toContain('known after apply');
    expect(exit).toBe(0);
  });
});

test('an interrupt lets the current step finish and starts no other', async () => {
  const controller = new AbortController();
  const host = hostNamed('node-1');
  const book = playbook(
    site.play('node', () => [
      note({ path: '/a', text: 'x', onApply: () => controller.abort(130) }),
      note({ path: '/b', text: 'x' }),
    ]),
    site.play('lb', () => [note({ path: '/c', text: 'x' })]),
  );
  const { statuses, exit } = await run(
    book,
    { 'node-1': host, 'lb-1': hostNamed('lb-1') },
    { signal: controller.signal },
  );
  expect(statuses).toEqual(['node-1 note /a: changed', 'node-1 note /b: skipped', 'lb-1 note /c: skipped']);
  expect(exit).toBe(130);
});

test('two steps that manage the same thing are refused before anything is contacted, with both places', async () => {
  const book = playbook(
    site.play('node', () => [note({ path: '/a', text: '1' }), note({ path: '/a', text: '2' })]),
  );
  await expect(run(book, {})).rejects.toThrow(
    /PLAYBOOK node-1 note \/a — .*run-plan.test.ts:\d+:\d+ — two steps .* the other is at .*run-plan.test.ts:\d+/,
  );
});

test('a defect in a resource is one host and step, not the end of the run', async () => {
  const buggy = resource({
    kind: 'buggy',
    want: () => ({}),
    id: () => 'x',
    read: async (): Promise<undefined> => {
      throw new TypeError('undefined is not a function');
    },
    apply: async () => undefined,
  });
  const book = playbook(
    site.play('node', () => [buggy({})]),
    site.play('lb', () => [note({ path: '/c', text: 'x' })]),
  );
  const { steps, exit } = await run(book, { 'node-1': hostNamed('node-1'), 'lb-1': hostNamed('lb-1') });
  expect(steps[0]!.problems![0]).toMatchObject({ code: 'BUG', step: 'buggy x' });
  expect(steps[1]).toMatchObject({ host: 'lb-1', status: 'changed' });
  expect(exit).toBe(250);
});
