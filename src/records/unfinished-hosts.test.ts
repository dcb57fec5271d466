import { expect, test } from 'vitest';
import type { RunEvent, StepStatus } from '../core/event.ts';
import { unfinishedHosts } from './unfinished-hosts.ts';

const start = (hosts: readonly string[], steps = ['requirement memory', 'file /a', 'file /b']): RunEvent => ({
  event: 'start',
  schema: '1.0',
  mode: 'apply',
  plays: [{ name: 'web', hosts: hosts.map((host) => ({ host, steps })) }],
});
const step = (host: string, id: string, status: StepStatus): RunEvent => ({
  event: 'step',
  host,
  play: 'web',
  step: id,
  status,
  ms: 1,
  at: [],
});
const done = (host: string) => [step(host, 'file /a', 'ok'), step(host, 'file /b', 'changed')];

test('hosts that failed, could not be reached, were left out or were never come to are unfinished', () => {
  const events = [
    start(['well', 'failed', 'away', 'left-out', 'never']),
    ...done('well'),
    step('failed', 'file /a', 'failed'),
    step('away', 'connect', 'failed'),
    step('left-out', 'file /a', 'ok'),
    step('left-out', 'file /b', 'skipped'),
  ];
  expect(unfinishedHosts(events)).toEqual(['failed', 'away', 'left-out', 'never']);
});

test('an action after all steps that failed counts, a requirement that was overridden does not', () => {
  const events = [start(['a', 'b']), ...done('a'), step('a', 'requirement memory', 'skipped'), ...done('b')];
  expect(unfinishedHosts(events)).toEqual([]);
  expect(unfinishedHosts([...events, step('b', 'lock', 'failed')])).toEqual(['b']);
});

test('only the last part counts: what a check before the question has seen is no work', () => {
  const events = [start(['a']), step('a', 'file /a', 'would-change'), start(['a']), ...done('a')];
  expect(unfinishedHosts(events)).toEqual([]);
  expect(unfinishedHosts([])).toEqual([]);
});
