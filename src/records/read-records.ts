import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ProvisionError } from '../core/errors.ts';
import type { RecordedEvent, RunRecord } from '../core/run-record.ts';
import { didYouMean } from '../core/suggest.ts';

const idPattern = /^\d{8}-\d{6}-\d{3}-[0-9a-f]{6}$/;
const most = { record: 8 * 1024 * 1024, events: 128 * 1024 * 1024 };

export function isRecordId(name: string): boolean {
  return idPattern.test(name);
}

/** All records that can be read, the newest first; none where there is no folder. */
export async function listRecords(folder: string): Promise<RunRecord[]> {
  const names = await readdir(folder).catch(() => []);
  const ids = names.filter(isRecordId).sort().reverse();
  const records = await Promise.all(ids.map((id) => readRecord(folder, id)));
  return records.filter((record) => record !== undefined);
}

/** Undefined when it is not there, not this user's, or not one. */
export async function readRecord(folder: string, id: string): Promise<RunRecord | undefined> {
  try {
    const record = JSON.parse(await readOwn(join(folder, id, 'run.json'), most.record)) as RunRecord;
    const isOne = record.id === id && typeof record.inventory === 'string' && Array.isArray(record.hosts);
    return isOne && !Number.isNaN(Date.parse(record.started)) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** What happened, in order. A last line that a killed run has not finished is left out. */
export async function readEvents(folder: string, id: string): Promise<RecordedEvent[]> {
  const text = await readOwn(join(folder, id, 'events.jsonl'), most.events).catch((error: unknown) => {
    const happened = `the events of run ${id} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    throw new ProvisionError({ code: 'LOCAL', happened }, { cause: error });
  });
  return text.split('\n').flatMap((line) => {
    try {
      const event = JSON.parse(line) as Partial<RecordedEvent> | null;
      return typeof event?.event === 'string' ? [event as RecordedEvent] : [];
    } catch {
      return [];
    }
  });
}

/**
 * The one record that a person means: `last`, an id, its beginning, or the beginning of its last part.
 * @throws ProvisionError `USAGE` when it is none, or more than one
 */
export function chooseRecord(records: readonly RunRecord[], wanted: string): RunRecord {
  const newest = records[0];
  if (!newest)
    throw new ProvisionError({
      code: 'USAGE',
      happened: 'no run is recorded',
      remedy: 'every run that reaches hosts is, unless it says --no-record',
    });
  if (wanted === 'last') return newest;
  const found =
    wanted === ''
      ? []
      : records.filter(({ id }) => id.startsWith(wanted) || id.split('-').at(-1)!.startsWith(wanted));
  if (found.length === 1) return found[0]!;
  throw new ProvisionError({
    code: 'USAGE',
    happened: found.length > 1 ? `more than one run begins with "${wanted}"` : `no run "${wanted}"`,
    remedy:
      found.length > 1
        ? `say more of it: ${found
            .slice(0, 5)
            .map(({ id }) => id)
            .join(', ')}`
        : whatElse(records, wanted),
  });
}

function whatElse(records: readonly RunRecord[], wanted: string): string {
  const names = records.flatMap(({ id }) => [id, id.split('-').at(-1)!]);
  const near = didYouMean(wanted, ['last', ...names]);
  return near === undefined ? 'provision runs list shows all' : `did you mean "${near}"?`;
}

/** A regular file of this user's, never through a link. */
async function readOwn(path: string, mostBytes: number): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    if (!found.isFile() || found.uid !== (process.getuid?.() ?? found.uid))
      throw new Error(`${path} is not a file of this user`);
    if (found.size > mostBytes) throw new Error(`${path} is larger than any record`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
