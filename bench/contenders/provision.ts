import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Contender, Job } from '../contender.ts';
import type { Hosts } from '../lab.ts';

const program = fileURLToPath(new URL('../../dist/provision.js', import.meta.url));
const playbook = fileURLToPath(new URL('../playbook.ts', import.meta.url));

/** The built command line, as its users start it. */
export const provision: Contender = {
  name: 'provision',
  about: 'this program, built, without a terminal',
  missing: () => undefined,
  command(job, hosts) {
    // Compiled playbooks and records are kept where they are found again by the next run, as at home.
    const home = dirname(hosts.folder);
    const env = {
      XDG_CACHE_HOME: join(home, 'cache'),
      XDG_STATE_HOME: join(home, 'state'),
      NO_COLOR: '1',
    };
    mkdirSync(env.XDG_CACHE_HOME, { recursive: true, mode: 0o700 });
    const run = (...args: string[]) => ({ program: process.execPath, args: [program, ...args], env });
    if (job.kind === 'start') return run('--version');
    const inventory = writeInventory(job, hosts);
    if (job.kind === 'check') return run('check', playbook, '-i', inventory, '-F', 'none');
    return run(playbook, '-i', inventory, '-F', 'none', '--yes');
  },
};

function writeInventory(job: Job, hosts: Hosts): string {
  const group = job.kind === 'file' ? 'upload' : job.kind === 'folder' ? 'tree' : 'bench';
  const name = job.kind === 'steps' ? job.name : job.kind === 'check' ? 'typical' : 'none';
  const targets = job.kind === 'check' ? job.targets : hosts.targets;
  const value = 'source' in job ? { source: job.source } : { workload: name };
  const inventory = {
    all: { vars: { user: 'root', key: hosts.keyFile } },
    [group]: {
      vars: value,
      hosts: Object.fromEntries(
        targets.map(({ name, port, fingerprint }) => [name, { host: '127.0.0.1', port, fingerprint }]),
      ),
    },
  };
  const file = join(hosts.folder, `inventory-${job.kind}-${name}.yaml`);
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(inventory));
  return file;
}
