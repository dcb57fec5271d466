import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ansibles } from './contenders/ansible.ts';
import { copiers } from './contenders/copy.ts';
import { node } from './contenders/node.ts';
import { openSsh } from './contenders/openssh.ts';
import { provision } from './contenders/provision.ts';
import { bareSsh2 } from './contenders/ssh2.ts';
import { Lab } from './lab.ts';
import { endMeasured } from './measure.ts';
import { isChosen, parseOptions, type BenchOptions } from './options.ts';
import { runRounds, type Results } from './run-rounds.ts';
import { headingOf, tableOf } from './table.ts';
import { writeReport } from './write-report.ts';
import { workloads } from './workloads.ts';

/*
 * `npm run bench`: provision beside Ansible, OpenSSH and the copying programs, on real sshd of this machine. Bounded in
 * time, and ends everything that it has started, also when it is interrupted.
 */
const contenders = [provision, node, ...bareSsh2, openSsh, ...copiers, ...ansibles];

const options = parsed();
requireRoot();
if (options.install) await install();
if (options.build) build();
const lab = new Lab();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => {
    endMeasured();
    void lab.stop().then(() => process.exit(130));
  });
try {
  const results = await runAll();
  for (const each of results) console.log(`\n${headingOf(each)}\n\n${tableOf(each)}`);
  if (options.write) await writeReport(results, { contenders, rounds: options.rounds });
} finally {
  endMeasured();
  await lab.stop();
}

async function runAll(): Promise<Results[]> {
  const chosen = contenders.filter(
    ({ name }) => options.contenders.length === 0 || options.contenders.some((word) => name.includes(word)),
  );
  const present = chosen.filter((contender) => {
    const missing = contender.missing();
    if (missing !== undefined) console.error(`left out: ${contender.name}: ${missing}`);
    return missing === undefined;
  });
  const results: Results[] = [];
  for (const workload of workloads.filter(({ id }) => isChosen(id, options.only)))
    for (const count of workload.hosts === 'all' ? options.hosts : [1])
      results.push(await runRounds(lab, workload, { contenders: present, count, rounds: options.rounds }));
  return results;
}

function parsed(): BenchOptions {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(5);
  }
}

function requireRoot(): void {
  if (process.getuid?.() === 0) return;
  console.error('The hosts of the benchmark are sshd with folders of their own: it needs root.');
  process.exit(1);
}

async function install(): Promise<void> {
  const { ensurePrograms } = (await import('../scripts/docker-engine.mjs')) as {
    ensurePrograms: (packages: Record<string, string[]>, options: object) => Promise<void>;
  };
  const packages = {
    sshd: ['openssh-server'],
    ssh: ['openssh-client'],
    rsync: ['rsync'],
    'ansible-playbook': ['ansible-core', 'ansible-mitogen'],
  };
  await ensurePrograms(packages, { allowInstall: true, startServices: false });
}

function build(): void {
  const script = fileURLToPath(new URL('../scripts/build.mjs', import.meta.url));
  const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the build failed');
}
