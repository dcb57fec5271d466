import { expect, it } from 'vitest';
import type { RunEvent, StepEvent } from '../core/event.ts';
import type { RecordedEvent, RunRecord } from '../core/run-record.ts';
import { renderExplanation, renderRecord } from './render-record.ts';
import { renderRuns, type ListedRun } from './run-list.ts';
import { failure, start, step, summaryOf } from './test-events.ts';

const plain = { color: false, unicode: true, folder: '/project' };
const record: RunRecord = {
  schema: '1.0',
  id: '20260131-120000-000-4f1a0c',
  version: '1.2.3',
  command: 'run',
  options: {},
  inventory: '/project/inventory.yaml',
  playbook: '/project/rancher.ts',
  sha256: {},
  hosts: ['lb-1', 'web-1'],
  user: 'ops',
  machine: 'laptop',
  pid: 4711,
  started: '2026-01-31T12:00:00.000Z',
  mode: 'apply',
};
const ended: ListedRun = {
  record: { ...record, ended: '2026-01-31T12:01:20.000Z', ms: 80_000, exit: 2 },
  state: 'ended',
};
const killed: ListedRun = { record, state: 'lost' };

const timed = (events: RunEvent[]): RecordedEvent[] =>
  events.map((event, index) => ({
    ...event,
    time: new Date(Date.UTC(2026, 0, 31, 12, 0, index)).toISOString(),
  }));
const skipped = (host: string, id: string, reason: string): StepEvent =>
  step({ host, step: id, status: 'skipped', ms: 0, reason });
const begin = (host: string, id: string): RunEvent => ({ event: 'step-start', host, play: 'lb', step: id });

const story = [
  start({ 'lb-1': ['file-set nginx', 'service nginx'], 'web-1': ['file /w'] }),
  begin('lb-1', 'file set /etc/nginx'),
  { event: 'notice', level: 'warning', host: 'lb-1', text: 'the connection was lost' } as const,
  failure,
  skipped('lb-1', 'service nginx', '"file set /etc/nginx" failed before'),
  skipped('web-1', 'file /w', '"lb-1", which this play builds on, failed'),
];
const whole = timed([
  ...story,
  summaryOf({ 'lb-1': { failed: 1, skipped: 1 }, 'web-1': { skipped: 1 } }, { exit: 2 }),
]);

it('lists runs with what became of them', () => {
  const text = renderRuns(
    [
      killed,
      ended,
      { record, state: 'running' },
      { record: { ...record, exit: 130, mode: 'check' }, state: 'ended' },
      {
        record: { ...record, exit: 0, counts: { 'lb-1': { ok: 1, changed: 2, failed: 0, skipped: 0 } } },
        state: 'ended',
      },
    ],
    plain,
  );
  const lines = text.split('\n');
  expect(lines[1]).toMatch(
    /^20260131-120000-000-4f1a0c {2}2026-01-31 \d\d:\d0:00 {2}apply rancher\.ts {2}lb-1, web-1 {2}did not end: killed\?/,
  );
  expect(lines[2]).toMatch(/exit code 2 +1m20s$/);
  expect(lines[3]).toContain('running (pid 4711 on laptop)');
  expect(lines[4]).toMatch(/check rancher\.ts.*interrupted \(exit code 130\)/);
  expect(lines[5]).toContain('2 changes');
});

it('shows a run again, with each failure, its output and what to do', async () => {
  const text = await renderRecord(ended, whole, plain);
  expect(text).toContain('by ops@laptop with provision 1.2.3');
  expect(text).toMatch(
    /VALIDATION_FAILED lb-1 file set \/etc\/nginx — roles\/nginx-tls\.ts:7:5 < rancher\.ts:10:3 — .*; mend the template/,
  );
  expect(text).toContain('│ in /etc/nginx/nginx.conf:12');
  expect(text).toMatch(/(exit code 2).*mend it and run again/);
});

it('tells of a run that did not end what it had done and what was under way', async () => {
  const events = timed([
    start({ 'lb-1': ['a', 'b'] }),
    step({ step: 'a', status: 'changed' }),
    begin('lb-1', 'b'),
  ]);
  const text = await renderRecord(killed, events, plain);
  expect(text).toMatch(/lb-1 +0 +1 +0 +0/);
  expect(text).toContain('It did not end: killed?; under way then: lb-1 b');
});

it('explains what failed first, and what goes back to it', async () => {
  const text = await renderExplanation(ended, whole, {}, plain);
  expect(text).toContain(
    '1 step on lb-1: "file set /etc/nginx" failed before; it goes back to lb-1 file set /etc/nginx, made at roles/nginx-tls.ts:7:5',
  );
  expect(text).toMatch(/1 step on web-1: "lb-1", which .* failed; it goes back to lb-1 file set/);
  expect(text).toContain('lb-1 the connection was lost');
  expect(text).toMatch(/2\.1s {2}lb-1 {2}file set \/etc\/nginx \(failed\)/);
});

it('explains a host step by step, across hosts, and the step that has no end', async () => {
  const web = await renderExplanation(ended, whole, { host: 'web-1' }, plain);
  expect(web).toMatch(
    /file \/w {2}skipped\n.*because "lb-1", which this play builds on, failed\n.*VALIDATION_FAILED lb-1/,
  );
  const open = timed([start({ 'lb-1': ['a'] }), begin('lb-1', 'a')]);
  expect(await renderExplanation(killed, open, { host: 'lb-1' }, plain)).toContain('a began, and has no end');
});

it('explains a step with what it changed and what was told meanwhile', async () => {
  const changes = [{ type: 'text', path: 'content', have: 'a\n', want: 'b\n' }] as const;
  const events = timed([
    begin('lb-1', 'file /x'),
    { event: 'progress', host: 'lb-1', step: 'file /x', text: 'uploading\u001b[2J' },
    step({ step: 'file /x', status: 'changed', ms: 1500, changes }),
    begin('lb-1', 'file /y'),
    { event: 'progress', host: 'lb-1', step: 'file /y', text: 'of another step' },
  ]);
  const text = await renderExplanation(ended, events, { host: 'lb-1', step: 'file /x' }, plain);
  expect(text).toContain('made at roles/nginx-tls.ts:7:5 < rancher.ts:10:3');
  expect(text).toContain('uploading\\x1b[2J');
  expect(text).toMatch(/changed \(1\.5s\)[^]*-a\n +\+b/);
  expect(text).not.toContain('of another step');
});
