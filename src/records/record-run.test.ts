import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunEvent } from '../core/event.ts';
import { chooseRecord, listRecords, readEvents } from './read-records.ts';
import { recordRun } from './record-run.ts';
import { stateOf } from './running-process.ts';
import { outline, recordsFolder, writeRecord } from './test-records.ts';

const start: RunEvent = { event: 'start', schema: '1.0', mode: 'apply', plays: [] };
const summary: RunEvent = {
  event: 'summary',
  mode: 'apply',
  hosts: { 'web-1': { ok: 1, changed: 2, failed: 0, skipped: 0 } },
  exit: 0,
  ms: 5,
  notes: [],
};

function record(folder: string) {
  const warnings: string[] = [];
  const recorder = recordRun(outline, {
    folder,
    toLine: JSON.stringify,
    warn: (text) => warnings.push(text),
  });
  return { recorder, warnings };
}

test('a run is recorded while it goes on, and its end when it ends', async () => {
  const folder = recordsFolder();
  const { recorder, warnings } = record(folder);
  recorder.take(start);
  const [running] = await listRecords(folder);
  expect(running).toMatchObject({ ...outline, id: recorder.id, mode: 'apply', pid: process.pid });
  expect(stateOf(running!)).toBe('running');
  recorder.take(summary);
  recorder.end(0);
  const [ended] = await listRecords(folder);
  expect(ended).toMatchObject({ exit: 0, counts: { 'web-1': { changed: 2 } } });
  expect(stateOf(ended!)).toBe('ended');
  expect(await readEvents(folder, recorder.id!)).toMatchObject([start, summary]);
  expect(warnings).toEqual([]);
});

test('whatever is kept is for its user only, whatever the umask', async () => {
  const folder = recordsFolder();
  const before = process.umask(0);
  const { recorder } = record(folder);
  recorder.take(start);
  recorder.end(0);
  process.umask(before);
  const mode = (path: string) => lstatSync(join(folder, path)).mode & 0o777;
  expect(['..', '.', recorder.id!].map(mode)).toEqual([0o700, 0o700, 0o700]);
  expect(readdirSync(join(folder, recorder.id!)).sort()).toEqual(['events.jsonl', 'run.json']);
  expect(['run.json', 'events.jsonl'].map((name) => mode(join(recorder.id!, name)))).toEqual([0o600, 0o600]);
});

test('runs at the same moment never share a record', async () => {
  const folder = recordsFolder();
  const recorders = Array.from({ length: 50 }, () => record(folder).recorder);
  expect(new Set(recorders.map(({ id }) => id)).size).toBe(50);
  recorders.forEach((recorder) => recorder.end(0));
  const ids = (await listRecords(folder)).map(({ id }) => id);
  expect(ids).toEqual([...ids].sort().reverse());
});

test.each([
  ['a link instead of the folder', (folder: string) => symlinkSync('/etc', folder), /is a link/],
  [
    'a link on the way',
    (folder: string) => {
      mkdirSync(join(folder, '../../elsewhere/runs'), { recursive: true });
      symlinkSync(join(folder, '../../elsewhere'), dirname(folder));
    },
    /is a link/,
  ],
  [
    'a folder that others can write to',
    (folder: string) => {
      mkdirSync(folder, { recursive: true });
      chmodSync(folder, 0o777);
    },
    /could be written by another user/,
  ],
])('%s: a warning, no record, and nothing is written', async (title, arrange, told) => {
  const folder = recordsFolder();
  if (!title.includes('on the way')) mkdirSync(dirname(folder), { recursive: true, mode: 0o700 });
  arrange(folder);
  const before = readdirSync(folder);
  const { recorder, warnings } = record(folder);
  recorder.take(start);
  recorder.end(0);
  expect(warnings).toEqual([expect.stringMatching(told)]);
  expect(recorder.id).toBeUndefined();
  expect(readdirSync(folder)).toEqual(before);
});

test('a place that cannot be written is one warning, and the run goes on', async () => {
  const folder = recordsFolder();
  writeFileSync(join(folder, '../..', 'file'), '');
  const nowhere = record(join(folder, '../../file/provision/runs'));
  nowhere.recorder.take(start);
  nowhere.recorder.end(0);
  expect(nowhere.warnings).toEqual([expect.stringMatching(/not recorded: .*cannot be made/)]);
  const { recorder, warnings } = record(folder);
  rmSync(folder, { recursive: true });
  recorder.take(start);
  recorder.take(summary);
  recorder.end(0);
  expect(warnings).toEqual([expect.stringMatching(/record of this run is not complete: ENOENT/)]);
});

test('a run that was killed leaves a record that can be read, without the line that it did not finish', async () => {
  const folder = recordsFolder();
  const id = '20260131-120000-000-abcdef';
  // Above what any kernel gives.
  const pid = 2 ** 22 + 1;
  writeRecord(folder, id, { pid }, `${JSON.stringify(start)}\n{"event":"step","ho`);
  const [killed] = await listRecords(folder);
  expect(stateOf(killed!)).toBe('lost');
  expect(await readEvents(folder, id)).toEqual([start]);
});

test('a file that was put into a record is not followed elsewhere', async () => {
  const folder = recordsFolder();
  const id = '20260131-120000-000-abcdef';
  writeRecord(folder, id);
  rmSync(join(folder, id, 'events.jsonl'));
  symlinkSync('/etc/passwd', join(folder, id, 'events.jsonl'));
  await expect(readEvents(folder, id)).rejects.toThrow(/LOCAL .*cannot be read/);
});

test('a record is chosen by its beginning, by its last part, or as the last one', async () => {
  const folder = recordsFolder();
  const { recorder } = record(folder);
  const { recorder: other } = record(folder);
  recorder.end(0);
  other.end(0);
  const records = await listRecords(folder);
  expect(chooseRecord(records, 'last')).toBe(records[0]);
  expect(chooseRecord(records, recorder.id!).id).toBe(recorder.id);
  expect(chooseRecord(records, recorder.id!.slice(-6, -2)).id).toBe(recorder.id);
  expect(() => chooseRecord(records, recorder.id!.slice(0, 8))).toThrow(/more than one run begins with/);
  expect(() => chooseRecord(records, 'lsat')).toThrow(/did you mean "last"/);
  expect(() => chooseRecord([], 'last')).toThrow(/no run is recorded/);
});
