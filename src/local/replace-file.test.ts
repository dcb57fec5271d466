import {
  chmodSync,
  chownSync,
  lstatSync,
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
import { replaceFile } from './replace-file.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'replace-file-'));
  path = join(folder, 'file');
});
const modeOf = (file: string) => statSync(file).mode & 0o7777;

test('a new file is for its user only, and nothing else is left', () => {
  replaceFile(path, 'new');
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(modeOf(path)).toBe(0o600);
  expect(readdirSync(folder)).toEqual(['file']);
});

test('an old file is another one from then on: who has it open reads the old content to its end', () => {
  writeFileSync(path, 'old', { mode: 0o644 });
  const before = statSync(path).ino;
  replaceFile(path, 'new');
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(statSync(path).ino).not.toBe(before);
  expect(modeOf(path)).toBe(0o600);
});

test('mode and owner are those of the old file where they are to be kept', () => {
  writeFileSync(path, 'old');
  chmodSync(path, 0o640);
  const owner = process.getuid?.() === 0 ? 12345 : statSync(path).uid;
  if (process.getuid?.() === 0) chownSync(path, owner, owner);
  replaceFile(path, 'new', { keepsMode: true });
  expect(modeOf(path)).toBe(0o640);
  expect(statSync(path).uid).toBe(owner);
  expect(readFileSync(path, 'utf8')).toBe('new');
});

test('a file that is there wins where the new one yields', () => {
  replaceFile(path, 'first', { yields: true });
  replaceFile(path, 'second', { yields: true });
  expect(readFileSync(path, 'utf8')).toBe('first');
  expect(readdirSync(folder)).toEqual(['file']);
});

test('neither a link nor what is behind it is touched', () => {
  const target = join(folder, 'target');
  writeFileSync(target, 'old');
  symlinkSync(target, path);
  expect(() => replaceFile(path, 'new')).toThrow('is a symbolic link');
  expect(lstatSync(path).isSymbolicLink()).toBe(true);
  expect(readFileSync(target, 'utf8')).toBe('old');
  expect(readdirSync(folder).sort()).toEqual(['file', 'target']);
});

test('what is no file stays as it is, and nothing is left beside it', () => {
  mkdirSync(path);
  expect(() => replaceFile(path, 'new')).toThrow('is no file');
  expect(() => replaceFile('/dev/null', 'new')).toThrow('is no file');
  expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  expect(readdirSync(folder)).toEqual(['file']);
});
