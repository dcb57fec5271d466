import { resolve } from 'node:path';
import { ProvisionError } from '../core/errors.ts';
import { listRecords, readEvents } from '../records/read-records.ts';
import { unfinishedHosts } from '../records/unfinished-hosts.ts';
import type { FailedHosts } from './select-hosts.ts';
import { recordsFolder } from './records-folder.ts';

/**
 * What `@failed` stands for: the hosts on which the last run with this inventory that applied something failed or was left unfinished.
 * @throws ProvisionError `SELECTION` when there is no record of one, or nothing failed
 */
export function failedHostsOf(inventory: string): FailedHosts {
  return async () => {
    const folder = recordsFolder();
    const path = resolve(inventory);
    const records = await listRecords(folder);
    const record = records.find((one) => one.mode === 'apply' && one.inventory === path);
    if (!record) throw nobody(`no run that applied something with ${inventory} is recorded`);
    const hosts = unfinishedHosts(await readEvents(folder, record.id));
    if (hosts.length === 0)
      throw nobody(`no host failed in run ${record.id}, the last one with ${inventory}`);
    return hosts;
  };
}

function nobody(why: string): ProvisionError {
  return new ProvisionError({
    code: 'SELECTION',
    happened: `@failed stands for nobody: ${why}`,
    hostState: 'nothing was contacted',
    remedy: 'name the hosts, or leave it out; provision runs shows what is recorded',
  });
}
