import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startCrowd } from '../hosts/scale/crowd.ts';
import type { Member } from '../hosts/scale/fates.ts';
import { provision } from '../hosts/support/provision.ts';
import { env, playbookOf, toldOf, workerLab } from '../support/worker-lab.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 60_000 });

let members: readonly Member[];
let stopHosts: () => Promise<void>;
beforeAll(async () => {
  const well = Array.from({ length: 3 }, (_, index) => ({ name: `host-${index}`, fate: 'well' as const }));
  ({ members, stop: stopHosts } = await startCrowd(well));
});
afterAll(() => stopHosts());

const oneFile = playbookOf(`
  const below = host.name === 'host-1' ? '/folder' : '';
  return [written({ path: vars.folder + below + '/' + host.name, text: vars.token })];`);

function sliceLab() {
  const lab = workerLab(members, oneFile);
  const own = { env: { ...env, XDG_STATE_HOME: lab.file('state') } };
  return { ...lab, call: (...words: readonly string[]) => provision(words, own) };
}

test('plans of slices are applied one by one, and are one report in the end', async () => {
  const whole = sliceLab();
  mkdirSync(whole.file('folder'));
  await whole.call('plan', ...whole.args, '-o', whole.file('plan.json'));
  const inOne = await whole.call('apply', whole.file('plan.json'), ...whole.args);

  const { args, file, folder, call } = sliceLab();
  mkdirSync(file('folder'));
  const slices = [1, 2, 3, 4].map((index) => ({ words: ['--slice', `${index}/4`], name: `slice-${index}` }));
  for (const { words, name } of slices) {
    const { exit, stderr } = await call('plan', ...args, ...words, '-o', file(`${name}.json`));
    expect(exit, stderr).toBe(0);
  }
  for (const { name } of slices) {
    const { exit, stdout, stderr } = await call('apply', file(`${name}.json`), ...args);
    expect(exit, stderr).toBe(0);
    writeFileSync(file(`${name}.jsonl`), stdout);
    // Three hosts in four slices.
    expect(stderr.includes('slice 4 of 4 has no hosts')).toBe(name === 'slice-4');
  }
  const merged = await call('report', 'merge', ...slices.map(({ name }) => file(`${name}.jsonl`)));
  const { stderr: _, ...told } = toldOf(merged, folder.path);
  const { stderr: __, ...wanted } = toldOf(inOne, whole.folder.path);
  expect(told).toEqual(wanted);

  // The records of the same runs, each by its id or its folder, say the same.
  const listed = await call('runs', 'list');
  const runs = listed.stdout.trim().split('\n');
  const records = runs.map((line) => JSON.parse(line) as { id: string; command: string });
  const ids = records.filter(({ command }) => command === 'apply').map(({ id }) => id);
  const [first, ...others] = ids as [string, ...string[]];
  const place = join(file('state'), 'provision', 'runs', first);
  const ofRecords = await call('report', 'merge', place, ...others);
  expect(ofRecords.exit, ofRecords.stderr).toBe(0);
  expect(ofRecords.stdout).toBe(merged.stdout);
  const unknown = await call('report', 'merge', place, '0000');
  expect([unknown.exit, unknown.stderr]).toEqual([5, expect.stringContaining('no run "0000"')]);
});

test('a check lists the steps of one slice only', async () => {
  const { args, call, names } = sliceLab();
  const { exit, stdout } = await call('check', ...args, '--slice', '2/3');
  expect(exit).toBe(0);
  expect(names.filter((name) => stdout.includes(name))).toEqual([names[1]]);
});

test('a retry of a slice does the hosts that it left undone', async () => {
  const { args, file, call, names } = sliceLab();
  const failed = await call(...args, '--slice', '2/3');
  expect(failed.exit).toBe(2);
  mkdirSync(file('folder'));
  const { exit, stderr, statuses } = await call('retry');
  expect(exit, stderr).toBe(0);
  expect(statuses).toEqual([expect.stringMatching(new RegExp(`^${names[1]} .*: changed$`))]);
  expect(existsSync(file(`folder/${names[1]}`))).toBe(true);
});

test.each([
  ['apply', ['apply', 'plan.json', '-i', 'nowhere.yaml'], 'provision plan --slice 2/3 -o FILE'],
  ['retry', ['retry'], 'retry the run of that slice'],
])('%s takes no slice, and says what to do instead', async (_, words, remedy) => {
  const { exit, stdout, stderr } = await provision([...words, '--slice', '1/2']);
  expect([exit, stdout]).toEqual([5, '']);
  expect(stderr).toContain(remedy);
});
