import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecordId, readRecord } from './read-records.ts';
import { stateOf } from './running-process.ts';

/** How many records are kept, and for how long. */
export const retention = { records: 100, days: 90 };

const dayMs = 24 * 60 * 60 * 1000;
// A folder without a `run.json` is a run that is just beginning, or one that was killed while it did.
const beginsWithinMs = 60 * 60 * 1000;
const doomed = '.removing-';

/**
 * Removes what is beyond the retention, oldest first; never what a process that still runs writes to. Several may do it at once:
 * a record is renamed before it is removed, so nobody reads half of one.
 * @param options `keep`: the id of the caller's own
 */
export async function pruneRecords(
  folder: string,
  { keep, now = Date.now() }: { readonly keep?: string; readonly now?: number } = {},
): Promise<void> {
  const names = await readdir(folder);
  const newestFirst = names.filter(isRecordId).sort().reverse();
  for (const [index, id] of newestFirst.entries()) {
    if (id === keep) continue;
    const found = await lstat(join(folder, id)).catch(() => undefined);
    if (!found?.isDirectory() || found.uid !== (process.getuid?.() ?? found.uid)) continue;
    const record = await readRecord(folder, id);
    const begun = record ? Date.parse(record.started) : found.mtimeMs;
    const isBeyond = index >= retention.records || now - begun > retention.days * dayMs;
    const isOpen = record ? stateOf(record, now) === 'running' : now - found.mtimeMs < beginsWithinMs;
    if (record ? isBeyond && !isOpen : !isOpen) await remove(folder, id);
  }
  for (const name of names.filter((name) => name.startsWith(doomed)))
    await rm(join(folder, name), { recursive: true, force: true });
}

async function remove(folder: string, id: string): Promise<void> {
  const gone = join(folder, doomed + id);
  const isOurs = await rename(join(folder, id), gone).then(
    () => true,
    () => false,
  );
  if (isOurs) await rm(gone, { recursive: true, force: true });
}
