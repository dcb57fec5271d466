import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { RunRecord } from '../core/run-record.ts';
import type { RunOutline } from './record-run.ts';

/** Records for tests. */
export const outline: RunOutline = {
  version: '1.2.3',
  command: 'run',
  options: { forks: 50 },
  inventory: '/srv/inventory.yaml',
  playbook: '/srv/site.ts',
  sha256: {},
  hosts: ['web-1'],
  user: 'ops',
};

/** A folder for records that is gone after the test. */
export function recordsFolder(): string {
  const base = mkdtempSync(join(tmpdir(), 'records-'));
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  return join(base, 'provision', 'runs');
}

/** Puts a record there as a run leaves it. */
export function writeRecord(
  folder: string,
  id: string,
  fields: Partial<RunRecord> = {},
  events = '',
): RunRecord {
  const record: RunRecord = {
    schema: '1.0',
    id,
    ...outline,
    machine: hostname(),
    pid: process.pid,
    started: '2026-01-31T12:00:00.000Z',
    mode: 'apply',
    ...fields,
  };
  mkdirSync(join(folder, id), { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, id, 'run.json'), JSON.stringify(record), { mode: 0o600 });
  writeFileSync(join(folder, id, 'events.jsonl'), events, { mode: 0o600 });
  return record;
}
