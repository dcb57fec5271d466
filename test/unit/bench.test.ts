import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { sshConfigOf } from '../../bench/contenders/openssh.ts';
import { Lab } from '../../bench/lab.ts';
import { measure } from '../../bench/measure.ts';
import { hasSshd } from '../../src/ssh/testing/sshd.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

// Of its own: another benchmark may be running on this machine.
const home = mkdtempSync(join(tmpdir(), 'bench-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

function bench(...args: string[]) {
  const program = ['--import', 'jiti/register', 'bench/main.ts', ...args];
  const env = { ...process.env, TMPDIR: home };
  return spawnSync(process.execPath, program, { cwd: root, encoding: 'utf8', env });
}

const canRun = hasSshd && process.getuid?.() === 0 && existsSync('/usr/bin/ssh');

// How long anything takes is never asserted: that the benchmark looks at what each run has done is enough.
test.runIf(canRun)(
  'the benchmark runs its contenders, looks at what they have done, and leaves nothing behind',
  () => {
    const { status, stdout, stderr } = bench(
      '--no-build',
      ...['--hosts', '2', '--rounds', '1', '--only', 'W4', '--contenders', 'provision,ssh (one script)'],
    );
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(stdout).toMatch(/^W4: 25 typical steps, the first run, 2 hosts$/m);
    expect(stdout).toMatch(/^\| provision +\| +\d/m);
    expect(stdout).toMatch(/^\| ssh \(one script\) +\| +\d/m);
    expect(readdirSync(home).filter((name) => name.startsWith('provision-bench-'))).toEqual([]);
  },
  60_000,
);

test.runIf(canRun)('no run finds a connection that one before it has left open', async () => {
  const lab = new Lab();
  try {
    const hosts = await lab.hosts(1);
    const socket = join(lab.folder, 'socket');
    const keepOpen = ['-o', 'ControlMaster=auto', '-o', 'ControlPersist=60s', '-o', `ControlPath=${socket}`];
    const args = ['-F', sshConfigOf(hosts), ...keepOpen, hosts.targets[0]!.name, 'true'];
    await measure({ program: 'ssh', args }, { log: join(lab.folder, 'output.log'), limitMs: 30_000 });
    await expect.poll(() => existsSync(socket)).toBe(false);
  } finally {
    await lab.stop();
  }
});

test.each([
  ['--only', 'W9', 'no such workload: W9'],
  ['--hosts', '0', 'is not a number from 1 to 200'],
])('%s %s is refused before anything starts', (option, value, why) => {
  const { status, stderr } = bench(option, value);
  expect(status).toBe(5);
  expect(stderr).toContain(why);
});

test('the README claims what the page of the figures says', () => {
  const page = readFileSync(join(root, 'docs/performance.md'), 'utf8');
  const [, table = ''] = page.split('## W3: 25 typical steps, nothing changes, 10 hosts');
  const rows = table.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
  const row = (name: string) => rows.find(([, contender]) => contender === name)!;
  const seconds = Number(row('provision')[2]!.split(' / ')[1]);
  const times = (name: string) => Math.round(Number(row(name)[3]));
  expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain(
    `take ${seconds.toFixed(1)} s; Ansible takes ${times('ansible')} times as long, with Mitogen ${times('ansible (mitogen)')} times`,
  );
});
