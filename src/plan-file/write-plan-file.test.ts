import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { readPlanFile } from './read-plan-file.ts';
import { planFile } from './test-plan-file.ts';
import { writePlanFile } from './write-plan-file.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'provision-plan-'));
  path = join(folder, 'plan.json');
});

test('what is written is what is read again, for its user only', async () => {
  await writePlanFile(path, planFile());
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await readPlanFile(path)).toEqual(planFile());
  expect(readdirSync(folder)).toEqual(['plan.json']);
});

test('an older plan is replaced, with the mode of a new one', async () => {
  writeFileSync(path, 'old', { mode: 0o644 });
  await writePlanFile(path, planFile());
  expect(await readPlanFile(path)).toEqual(planFile());
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a symbolic link is refused, and what it leads to stays as it is', async () => {
  writeFileSync(join(folder, 'precious'), 'mine');
  symlinkSync(join(folder, 'precious'), path);
  await expect(writePlanFile(path, planFile())).rejects.toThrow(/UNSAFE_PATH.*is a symbolic link/);
  expect(readFileSync(join(folder, 'precious'), 'utf8')).toBe('mine');
});

test('a folder in its place, or none to put it in, is refused', async () => {
  mkdirSync(path);
  await expect(writePlanFile(path, planFile())).rejects.toThrow(/UNSAFE_PATH.*is no file/);
  await expect(writePlanFile(join(folder, 'absent', 'plan.json'), planFile())).rejects.toThrow(
    /LOCAL.*is no folder/,
  );
});

test('no text in it steers the terminal of whoever looks at it', async () => {
  const play = { name: 'web\u001b[2J\u009b2J\u202e', hosts: [] };
  await writePlanFile(path, planFile({ plays: [play] }));
  expect(readFileSync(path, 'utf8')).not.toMatch(/[\u001b\u0080-\u009f\u202e]/);
  expect((await readPlanFile(path)).plays).toEqual([play]);
});
