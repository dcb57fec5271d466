import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readFolder } from './read-folder.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'read-folder-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('gives all files by their paths, with what they hold and whether they are executable', async () => {
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'bin/run'), '#!/bin/sh\n');
  await chmod(join(folder, 'bin/run'), 0o755);
  await writeFile(join(folder, '.hidden'), '');
  const files = await readFolder(folder);
  expect(Object.keys(files)).toEqual(['.hidden', 'bin/run']);
  expect(files['bin/run']).toEqual({ content: Buffer.from('#!/bin/sh\n'), executable: true });
  expect(files['.hidden']!.executable).toBe(false);
});

it('refuses a link, which could lead anywhere, and what is no folder', async () => {
  await symlink('/etc/passwd', join(folder, 'link'));
  await expect(readFolder(folder)).rejects.toThrow(`${join(folder, 'link')} is a link`);
  await expect(readFolder(join(folder, 'nowhere'))).rejects.toThrow('does not exist');
  await expect(readFolder('/etc/passwd')).rejects.toThrow('cannot be read as a folder');
});

it('refuses more files than a tree takes', async () => {
  await Promise.all(Array.from({ length: 2001 }, (_, index) => writeFile(join(folder, String(index)), '')));
  await expect(readFolder(folder)).rejects.toThrow('holds more than 2000 files');
});
