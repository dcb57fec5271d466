import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender, Job } from '../contender.ts';
import type { Hosts } from '../lab.ts';
import { templateFile, typicalSteps, type BenchStep } from '../steps.ts';
import { fileURLToPath } from 'node:url';
import { missingProgram, sshConfigOf } from './openssh.ts';

const mitogenPlugins = '/usr/lib/python3/dist-packages/ansible_mitogen/plugins/strategy';

/** Ansible as Debian packages it. Facts are off and the interpreter is given, in its favour. */
export const ansibles: readonly Contender[] = [
  flavour('ansible', 'ansible-core with its defaults: 5 forks, ControlPersist', ''),
  flavour(
    'ansible (pipelining)',
    'ansible-core with pipelining and 50 forks',
    'forks = 50\npipelining = True\n',
  ),
  flavour(
    'ansible (mitogen)',
    'ansible-core with the strategy of mitogen and 50 forks',
    `forks = 50\nstrategy_plugins = ${mitogenPlugins}\nstrategy = mitogen_linear\n`,
  ),
];

function flavour(name: string, about: string, settings: string): Contender {
  return {
    name,
    about,
    missing: () =>
      missingProgram('/usr/bin/ansible-playbook', 'ansible-core') ??
      (name.includes('mitogen') && !existsSync(mitogenPlugins)
        ? "Debian's package ansible-mitogen is not installed"
        : undefined),
    version: () => spawnSync('ansible', ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0] ?? '',
    mostRounds,
    command(job, hosts) {
      if (job.kind === 'folder' || (job.kind === 'check' && settings !== '')) return undefined;
      if (job.kind === 'start') return { program: 'ansible', args: ['--version'] };
      const folder = join(hosts.folder, name.replace(/\W+/g, ''));
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const write = (file: string, text: string) => {
        writeFileSync(join(folder, file), text);
        return join(folder, file);
      };
      // A short path: it becomes the name of a socket.
      const config = `[defaults]\nlocal_tmp = ${folder}/tmp\nhost_key_checking = True\n${settings}
[ssh_connection]\nssh_args = -F ${sshConfigOf(hosts)} -o ControlMaster=auto -o ControlPersist=60s
control_path_dir = ${folder}/cp\n`;
      const targets = job.kind === 'check' ? job.targets : hosts.targets;
      const args = [
        ...(job.kind === 'check' ? ['--syntax-check'] : []),
        ...['-i', write(`inventory-${job.kind}.json`, JSON.stringify(inventoryOf(targets)))],
        write(`${job.kind === 'steps' ? job.name : job.kind}.json`, JSON.stringify(playbookOf(job))),
      ];
      return { program: 'ansible-playbook', args, env: { ANSIBLE_CONFIG: write('ansible.cfg', config) } };
    },
  };
}

/** Hundreds of tasks at half a second each on both sides. */
function mostRounds(
  { id, delayMs }: { readonly id: string; readonly delayMs: number },
  hosts: number,
): number {
  if (id === 'W1') return hosts <= 10 ? 2 : hosts <= 50 ? 1 : 0;
  if (delayMs > 0) return hosts <= 2 ? 1 : 0;
  if (hosts <= 2) return 2;
  return id === 'W3' && hosts <= 10 ? 1 : 0;
}

function inventoryOf(targets: Hosts['targets']) {
  const hosts = Object.fromEntries(targets.map(({ name }) => [name, {}]));
  return { all: { hosts, vars: { ansible_python_interpreter: '/usr/bin/python3' } } };
}

function playbookOf(job: Extract<Job, { kind: 'steps' | 'file' | 'check' }>) {
  const tasks =
    job.kind === 'file'
      ? [{ 'ansible.builtin.copy': { src: job.source, dest: '/srv/upload', mode: '0644' } }]
      : (job.kind === 'steps' ? job.steps : typicalSteps).map(taskOf);
  return [{ hosts: 'all', gather_facts: false, tasks }];
}

function taskOf(step: BenchStep): object {
  switch (step.kind) {
    case 'directory':
      return { 'ansible.builtin.file': { path: step.path, state: 'directory', mode: step.mode } };
    case 'file':
      return { 'ansible.builtin.copy': { dest: step.path, content: step.content, mode: step.mode } };
    case 'template':
      return {
        'ansible.builtin.template': { src: fileURLToPath(templateFile), dest: step.path, mode: step.mode },
        vars: step.view,
      };
    case 'command':
      return {
        'ansible.builtin.shell': {
          cmd: step.run,
          ...(step.creates !== undefined && { creates: step.creates }),
        },
      };
  }
}
