import { expect, test } from 'vitest';
import { ProvisionError } from '../core/errors.ts';
import type { RunEvent, RunMode } from '../core/event.ts';
import { inventory, playbook } from '../core/play.ts';
import { createPlan } from '../core/plan.ts';
import { resource } from '../core/resource.ts';
import { MemoryHost } from '../host/memory-host.ts';
import { systemClock } from './clock.ts';
import { LocalExecutor } from './local-executor.ts';
import { runPlan } from './run-plan.ts';

const site = inventory({ node: {} });

/** Two plays on two hosts; the lock of a host is what `lock` does. */
async function run(
  mode: RunMode,
  lock: (host: string, log: string[]) => void,
  options: { readonly lock?: boolean } = {},
) {
  const log: string[] = [];
  const thing = resource({
    kind: 'thing',
    want: (props: { name: string }) => props,
    id: ({ name }) => name,
    read: async (host) => void log.push(`${host.name}: read`),
    diff: () => [],
    apply: async () => undefined,
  });
  const book = playbook(
    site.play('node', () => [thing({ name: 'one' })]),
    site.play('node', () => [thing({ name: 'two' })]),
  );
  const hosts = ['a', 'b'].map((name) => ({ name, address: `${name}.test`, vars: new Map([['node', {}]]) }));
  const plan = createPlan(book, { groups: new Map([['node', hosts]]) });
  const connect = async (name: string) => ({
    host: new MemoryHost({ name }),
    lock: async () => lock(name, log),
    close: async () => undefined,
  });
  const events: RunEvent[] = [];
  const { exit } = await runPlan(plan, {
    mode,
    executor: new LocalExecutor(plan, connect, systemClock),
    listener: (event) => events.push(event),
    clock: systemClock,
    signal: new AbortController().signal,
    ...options,
  });
  const statuses = events.flatMap((event) =>
    event.event === 'step' ? [`${event.host} ${event.step}: ${event.status}`] : [],
  );
  return { exit, log, statuses };
}

test('F25, S50: a host is locked once, before it is read for a change', async () => {
  const { exit, log } = await run('apply', (host, told) => void told.push(`${host}: lock`));
  expect(exit).toBe(0);
  expect(log.filter((entry) => entry.startsWith('a: '))).toEqual(['a: lock', 'a: read', 'a: read']);
});

test('F25: a check locks nothing', async () => {
  const { log } = await run('check', (host, told) => void told.push(`${host}: lock`));
  expect(log.filter((entry) => entry.includes('lock'))).toEqual([]);
});

test('F25: a host that is locked fails with 7, unread, and the others go on', async () => {
  const { exit, log, statuses } = await run('apply', (host) => {
    if (host === 'a') throw new ProvisionError({ code: 'LOCKED', happened: 'the host is locked' });
  });
  expect(exit).toBe(7);
  expect(log).toEqual(['b: read', 'b: read']);
  expect(statuses.sort()).toEqual([
    'a lock: failed',
    'a thing one: skipped',
    'a thing two: skipped',
    'b thing one: ok',
    'b thing two: ok',
  ]);
});

test('a check whose findings are to be applied locks each host before it reads it', async () => {
  const lock = (host: string, told: string[]) => void told.push(`${host}: lock`);
  const { exit, log } = await run('check', lock, { lock: true });
  expect(exit).toBe(0);
  for (const host of ['a', 'b'])
    expect(log.filter((entry) => entry.startsWith(`${host}: `))).toEqual([
      `${host}: lock`,
      `${host}: read`,
      `${host}: read`,
    ]);
});

test('a host that such a check finds locked fails once with 7, and is not read', async () => {
  const lock = (host: string) => {
    if (host === 'a') throw new ProvisionError({ code: 'LOCKED', happened: 'the host is locked' });
  };
  const { exit, log, statuses } = await run('check', lock, { lock: true });
  expect(exit).toBe(7);
  expect(log).toEqual(['b: read', 'b: read']);
  expect(statuses.filter((status) => status.startsWith('a '))).toEqual([
    'a lock: failed',
    'a thing one: skipped',
    'a thing two: skipped',
  ]);
});
