import { ProvisionError } from '../../core/errors.ts';
import type { RunRecord } from '../../core/run-record.ts';
import { chooseRecord, listRecords, readEvents } from '../../records/read-records.ts';
import { stateOf } from '../../records/running-process.ts';
import { unfinishedHosts } from '../../records/unfinished-hosts.ts';
import type { Sink } from '../../report/sink.ts';
import type { RetryRequest } from '../program/retry.ts';
import type { RunRequest } from '../program/run.ts';
import { recordsFolder } from '../records-folder.ts';
import { hashesOf } from '../start-record.ts';
import { runCommand } from './run.ts';

/**
 * Runs again what a recorded run was to do, on the hosts on which it did not do all of it.
 * @returns the exit code; 0 when nothing was left undone
 * @throws ProvisionError `USAGE` when there is no such run, or it cannot be run again
 */
export async function retryCommand({ id, defaults, given }: RetryRequest, sink: Sink): Promise<number> {
  const folder = recordsFolder();
  const records = await listRecords(folder);
  const lastApplied = records.find(({ mode }) => mode === 'apply');
  const record = id === undefined && lastApplied ? lastApplied : chooseRecord(records, id ?? 'last');
  refuseUnfit(record);
  const hosts = unfinishedHosts(await readEvents(folder, record.id));
  if (hosts.length === 0) {
    sink.message(`nothing to retry: run ${record.id} did all that it was to do`);
    return 0;
  }
  sink.message(
    `retrying run ${record.id} on ${hosts.length} of its ${record.hosts.length} hosts: ${hosts.join(', ')}`,
  );
  for (const file of changedSince(record)) sink.message(`warning: ${file} has changed since that run`);
  const { inventory, playbook } = record;
  // The hosts are those of the slice already, and would be parted in another way.
  const { slice: _slice, ...recorded } = record.options as Partial<RunRequest>;
  return runCommand(
    { ...defaults, ...recorded, ...given, command: 'run', inventory, playbook, limit: hosts, exclude: [] },
    sink,
  );
}

function refuseUnfit(record: RunRecord): void {
  const why =
    record.mode !== 'apply'
      ? ['it changed nothing', 'run it without --check instead']
      : record.command !== 'run'
        ? [`it was provision ${record.command}`, 'make a new plan: the hosts have moved since']
        : stateOf(record) === 'running'
          ? ['it still runs', 'wait for its end']
          : undefined;
  if (!why) return;
  throw new ProvisionError({
    code: 'USAGE',
    happened: `run ${record.id} cannot be run again: ${why[0]}`,
    remedy: why[1]!,
  });
}

function changedSince({ sha256 }: RunRecord): string[] {
  const now = hashesOf(Object.keys(sha256));
  return Object.keys(sha256).filter((file) => now[file] !== sha256[file]);
}
