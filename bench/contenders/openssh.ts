import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender } from '../contender.ts';
import type { Hosts } from '../lab.ts';
import { shellSteps } from '../shell-steps.ts';

/** A configuration for OpenSSH's clients, for those who use them. */
export function sshConfigOf({ targets, keyFile, folder }: Hosts): string {
  const knownHosts = join(folder, 'known_hosts');
  writeFileSync(knownHosts, targets.map(({ port, hostKey }) => `[127.0.0.1]:${port} ${hostKey}\n`).join(''));
  const hosts = targets.map(({ name, port }) => `Host ${name}\n  HostName 127.0.0.1\n  Port ${port}\n`);
  // The key exchange of OpenSSH that costs least: its default, with sntrup761, costs four times the processor time.
  const all = `Host *
  User root
  IdentityFile ${keyFile}
  IdentitiesOnly yes
  UserKnownHostsFile ${knownHosts}
  StrictHostKeyChecking yes
  BatchMode yes
  KexAlgorithms curve25519-sha256
  GSSAPIAuthentication no
`;
  const file = join(folder, 'ssh_config');
  writeFileSync(file, hosts.join('') + all);
  return file;
}

/** The least that can be done with OpenSSH: one batched script a host. */
export const openSsh: Contender = {
  name: 'ssh (one script)',
  about: 'OpenSSH: one `ssh HOST sh` a host with all steps in one script, 16 at a time, curve25519',
  missing: () => missingProgram('/usr/bin/ssh', 'openssh-client'),
  version: () => spawnSync('ssh', ['-V'], { encoding: 'utf8' }).stderr.trim().split(',')[0] ?? '',
  command(job, hosts) {
    if (job.kind !== 'steps') return undefined;
    const { functions, each } = shellSteps(job.steps);
    const script = join(hosts.folder, `${job.name}.sh`);
    writeFileSync(script, `${functions}\n${each.join('\n')}\n`);
    const list = join(hosts.folder, 'names');
    writeFileSync(list, hosts.targets.map(({ name }) => `${name}\n`).join(''));
    const one = `exec ssh -T -F ${sshConfigOf(hosts)} "$1" sh -s <${script}`;
    return { program: 'xargs', args: ['-a', list, '-P', '16', '-n', '1', 'sh', '-c', one, 'sh'] };
  },
};

export function missingProgram(file: string, debianPackage: string): string | undefined {
  return existsSync(file) ? undefined : `Debian's package ${debianPackage} is not installed`;
}
