import { existsSync, mkdirSync, readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pruneRecords, retention } from './prune-records.ts';
import { recordsFolder, writeRecord } from './test-records.ts';

const day = 24 * 60 * 60 * 1000;
const now = Date.parse('2026-06-01T00:00:00Z');
const idOf = (index: number) => `20260101-000000-000-${index.toString(16).padStart(6, '0')}`;
const at = (daysAgo: number) => ({ started: new Date(now - daysAgo * day).toISOString() });
const ended = { ended: new Date(now).toISOString(), exit: 0 };
// Above what any kernel gives.
const dead = { pid: 2 ** 22 + 1 };

test('the newest are kept, and nothing that is too old', async () => {
  const folder = recordsFolder();
  for (let index = 0; index < retention.records + 5; index++)
    writeRecord(folder, idOf(index), { ...at(1), ...ended });
  writeRecord(folder, idOf(999), { ...at(retention.days + 1), ...ended });
  writeRecord(folder, idOf(1000), { ...at(retention.days - 1), ...dead });
  await pruneRecords(folder, { now });
  const kept = readdirSync(folder);
  expect(kept).toContain(idOf(1000));
  expect(kept).not.toContain(idOf(999));
  expect(kept).not.toContain(idOf(0));
  expect(kept).toHaveLength(retention.records - 1);
});

test('what a process still writes to is kept, however old; so is what is just being made', async () => {
  const folder = recordsFolder();
  writeRecord(folder, idOf(1), at(400));
  writeRecord(folder, idOf(2), { ...at(400), ...dead });
  writeRecord(folder, idOf(3), { ...at(400), processStart: 1 });
  mkdirSync(join(folder, idOf(4)));
  mkdirSync(join(folder, idOf(5)));
  utimesSync(join(folder, idOf(4)), now / 1000, now / 1000);
  utimesSync(join(folder, idOf(5)), now / 1000 - 7200, now / 1000 - 7200);
  await pruneRecords(folder, { now });
  expect(readdirSync(folder).sort()).toEqual([idOf(1), idOf(4)]);
});

test('several at once, and one that died in the middle, end in the same; strangers are left alone', async () => {
  const folder = recordsFolder();
  for (let index = 0; index < 40; index++) writeRecord(folder, idOf(index), { ...at(400), ...ended });
  mkdirSync(join(folder, '.removing-' + idOf(77)));
  mkdirSync(join(folder, 'notes'));
  await Promise.all(Array.from({ length: 5 }, () => pruneRecords(folder, { now })));
  expect(readdirSync(folder)).toEqual(['notes']);
  expect(existsSync(folder)).toBe(true);
});
