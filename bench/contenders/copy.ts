import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender } from '../contender.ts';
import type { Command } from '../measure.ts';
import { missingProgram, sshConfigOf } from './openssh.ts';

/** Programs that only copy, on one host. None of them compares hashes, flushes to the disk, or replaces a file as a whole. */
export const copiers: readonly Contender[] = [
  copier('scp', 'openssh-client', (source, config, host) => ({
    program: 'scp',
    args: ['-q', '-r', '-F', config, source, `${host}:/srv/upload`],
  })),
  copier('sftp', 'openssh-client', (source, config, host, folder, isFolder) => {
    const batch = join(folder, 'sftp-batch');
    writeFileSync(
      batch,
      isFolder ? `mkdir /srv/upload\nput -R ${source}/* /srv/upload\n` : `put ${source} /srv/upload\n`,
    );
    return { program: 'sftp', args: ['-q', '-F', config, '-b', batch, host] };
  }),
  copier('rsync', 'rsync', (source, config, host, _folder, isFolder) => ({
    program: 'rsync',
    args: ['-rpW', '-e', `ssh -F ${config}`, isFolder ? `${source}/` : source, `${host}:/srv/upload`],
  })),
];

function copier(
  name: string,
  debianPackage: string,
  commandOf: (source: string, config: string, host: string, folder: string, isFolder: boolean) => Command,
): Contender {
  return {
    name,
    about: `${name}, which copies and does not look whether it has to`,
    missing: () => missingProgram(`/usr/bin/${name}`, debianPackage),
    ...(name === 'rsync' && {
      version: () =>
        /version (\S+)/.exec(spawnSync('rsync', ['--version'], { encoding: 'utf8' }).stdout)?.[0] ?? '',
    }),
    command(job, hosts) {
      if (job.kind !== 'file' && job.kind !== 'folder') return undefined;
      const host = hosts.targets[0]!.name;
      return commandOf(job.source, sshConfigOf(hosts), host, hosts.folder, job.kind === 'folder');
    },
    // scp and sftp ask for each file by itself, and wait.
    mostRounds: ({ delayMs }) => (delayMs > 0 && name !== 'rsync' ? 1 : Infinity),
  };
}
