import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { chooseRecord, listRecords } from '../records/read-records.ts';
import { recordsFolder } from './records-folder.ts';

/** Where the events of a run are. */
export interface EventSource {
  readonly file: string;
  readonly isRecord: boolean;
}

/**
 * What a person means by the name of a run: the file that it wrote, the folder of its record, or the id of a run that is recorded
 * here, or the beginning of that. A file comes first; what is nothing of these is left to whoever reads it.
 * @throws ProvisionError `USAGE` when it looks like an id and is none, or the beginning of several
 */
export async function eventSource(name: string): Promise<EventSource> {
  const found = await stat(name).catch(() => undefined);
  if (found?.isDirectory()) return { file: join(name, 'events.jsonl'), isRecord: true };
  if (found || !/^[0-9a-f][0-9a-f-]*$/.test(name)) return { file: name, isRecord: false };
  const folder = recordsFolder();
  const { id } = chooseRecord(await listRecords(folder), name);
  return { file: join(folder, id, 'events.jsonl'), isRecord: true };
}
