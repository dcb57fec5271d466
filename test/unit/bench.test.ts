import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { hasSshd } from '../../src/ssh/testing/sshd.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

function bench(...args: string[]) {
  const program = ['--import', 'jiti/register', 'bench/main.ts', ...args];
  return spawnSync(process.execPath, program, { cwd: root, encoding: 'utf8' });
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
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('provision-bench-'))).toEqual([]);
  },
  60_000,
);

test.each([
  ['--only', 'W9', 'no such workload: W9'],
  ['--hosts', '0', 'is not a number from 1 to 200'],
])('%s %s is refused before anything starts', (option, value, why) => {
  const { status, stderr } = bench(option, value);
  expect(status).toBe(5);
  expect(stderr).toContain(why);
});
