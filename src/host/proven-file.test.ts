import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalShellConnection } from '../../test/support/local-shell-connection.ts';
import { shells } from '../../test/support/shells.ts';
import { quote } from '../core/script.ts';
import { provenFile } from './proven-file.ts';
import { RemoteHost } from './remote-host.ts';

// Owners can be set by root alone.
const isRoot = process.getuid?.() === 0;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'proven-file-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const large = Buffer.alloc(9_000_000, 'large ');
const other = Buffer.alloc(9_000_000, 'other ');
const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Tells which programs have hashed something. */
const counting = (asked: string) =>
  ['sha256sum', 'openssl']
    .map((tool) => `${tool}() { echo ${tool} >>${quote(asked)}; command ${tool} "$@"; }`)
    .join('\n');

describe.runIf(isRoot).each(shells)('a large file that was written through $name', ({ options }) => {
  async function written(prelude?: string) {
    const asked = join(folder, 'asked');
    await writeFile(asked, '');
    const connection = new LocalShellConnection({ ...options, prelude: prelude ?? counting(asked) });
    const host = new RemoteHost({
      ...{ name: 'web-1', address: '127.0.0.1', connection },
      progress: () => undefined,
      clock: Date.now,
    });
    const path = join(folder, 'images.tar');
    await host.writeFile(path, large, { mode: '0640', owner: 'nobody' });
    return { host, path, hashed: () => readFile(asked, 'utf8') };
  }

  it('is not hashed again by who reads it next', async () => {
    const { host, path, hashed } = await written();
    const before = await hashed();
    expect(before).not.toBe('');
    expect(await host.stat(path)).toEqual({
      ...{ type: 'file', mode: '0640', owner: 'nobody', group: 'root' },
      ...{ size: large.length, sha256: sha256Of(large) },
    });
    expect(await hashed()).toBe(before);
  });

  it('is told rightly beside others, and after another writing', async () => {
    const { host, path } = await written();
    const small = join(folder, 'small');
    await writeFile(small, 'small');
    const [both, absent, again] = await Promise.all(
      [small, join(folder, 'absent'), path].map((each) => host.stat(each)),
    );
    expect(both?.sha256).toBe(sha256Of(Buffer.from('small')));
    expect(absent).toBeUndefined();
    expect(again?.sha256).toBe(sha256Of(large));
    await host.writeFile(path, other, { mode: '0640', owner: 'nobody' });
    expect((await host.stat(path))?.sha256).toBe(sha256Of(other));
  });

  const touches: Record<string, (path: string) => Promise<void>> = {
    'other bytes of the same length, and the old times': async (path) => {
      const times = join(folder, 'times');
      execFileSync('touch', ['-r', path, times]);
      await writeFile(path, other);
      execFileSync('touch', ['-r', times, path]);
    },
    'another file of that length': async (path) => {
      await rm(path);
      await writeFile(path, other);
    },
    'a part of it alone': (path) => writeFile(path, large.subarray(1)),
  };
  it.each(Object.entries(touches))('and then got %s: that is seen', async (_, touch) => {
    const { host, path } = await written();
    await touch(path);
    expect((await host.stat(path))?.sha256).toBe(sha256Of(await readFile(path)));
  });

  it('and then made room for a link to a copy: that is seen', async () => {
    const { host, path } = await written();
    await rm(path);
    await writeFile(join(folder, 'copy'), large);
    await symlink(join(folder, 'copy'), path);
    expect(await host.stat(path)).toMatchObject({ type: 'link' });
    expect((await host.stat(path))?.sha256).toBeUndefined();
  });

  it.each(['exit 1', 'echo "(stdin)= 4711"', 'printf "%064d */x\\n" 0'])(
    'is in its place when openssl does not help: %s',
    async (answer) => {
      const { path } = await written(`openssl() { ${answer}; }`);
      expect(sha256Of(await readFile(path))).toBe(sha256Of(large));
    },
  );
});

it.each([
  ['no mark', 'placed\n'],
  [
    'times in whole seconds',
    'placed\n1:2 3 2026-01-01 10:00:00.000000000 +0000 2026-01-01 10:00:00.000000000 +0000\n',
  ],
  ['times without fractions', 'placed\n1:2 3 2026-01-01 10:00:00 +0000 2026-01-01 10:00:00 +0000\n'],
  [
    'more than that',
    'placed\n1:2 3 2026-01-01 10:00:00.123456789 +0000 2026-01-01 10:00:00.123456789 +0000\nand more\n',
  ],
])('a host that tells %s has its files hashed again', (_, told) => {
  expect(provenFile('0'.repeat(64), told)).toBeUndefined();
});
