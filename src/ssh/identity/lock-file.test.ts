import { mkdirSync, readdirSync, readlinkSync, symlinkSync, lutimesSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { makeFolder, removeFolders } from '../testing/loopback.ts';
import { holdingLock } from './lock-file.ts';

afterEach(removeFolders);

const alive = `${hostname()}:${process.pid}:0123`;
const elsewhere = 'another-machine.test:1:0123';

test('the lock is there while the work is done, and gone afterwards, also when it fails', () => {
  const folder = makeFolder();
  const lock = join(folder, 'lock');
  const owner = holdingLock(lock, () => readlinkSync(lock));
  expect(owner).toContain(`${hostname()}:${process.pid}:`);
  const failing = () => {
    throw new Error('no');
  };
  expect(() => holdingLock(lock, failing)).toThrow('no');
  expect(readdirSync(folder)).toEqual([]);
});

test.each([alive, elsewhere])(
  'a lock that is held by %s is left alone, and the work is done at last',
  (owner) => {
    const lock = join(makeFolder(), 'lock');
    symlinkSync(owner, lock);
    expect(holdingLock(lock, () => 'done', 0)).toBe('done');
    expect(readlinkSync(lock)).toBe(owner);
  },
);

test('a lock from elsewhere that is older than any work takes is nobody’s', () => {
  const folder = makeFolder();
  const lock = join(folder, 'lock');
  symlinkSync(elsewhere, lock);
  const longAgo = Date.now() / 1000 - 3600;
  lutimesSync(lock, longAgo, longAgo);
  expect(holdingLock(lock, () => readlinkSync(lock))).not.toBe(elsewhere);
  expect(readdirSync(folder)).toEqual([]);
});

test('where no lock can be made the work is done without', () => {
  const folder = makeFolder();
  mkdirSync(join(folder, 'lock'));
  expect(holdingLock(join(folder, 'lock'), () => 'done', 0)).toBe('done');
  expect(holdingLock(join(folder, 'nowhere', 'lock'), () => 'done')).toBe('done');
});
