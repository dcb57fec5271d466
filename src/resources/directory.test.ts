import { chmod, mkdir, mkdtemp, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changesOf, converge } from '../../test/support/converge.ts';
import { LocalShellConnection } from '../../test/support/local-shell-connection.ts';
import { shells } from '../../test/support/shells.ts';
import { RemoteHost } from '../host/remote-host.ts';
import { directory } from './directory.ts';

// Owners can be set by root alone.
const isRoot = process.getuid?.() === 0;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'directory-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const modeOf = async (path: string) => ((await stat(path)).mode & 0o7777).toString(8);

describe.runIf(isRoot).each(shells)('a directory through $name', ({ options }) => {
  const connection = new LocalShellConnection(options);
  const host = new RemoteHost({
    ...{ name: 'h', address: '127.0.0.1', connection },
    ...{ progress: () => undefined, clock: Date.now },
  });

  it('is made with its parents, and is right afterwards', async () => {
    const path = join(folder, "a/b c/it's");
    const step = directory({ path, mode: '0700', owner: 'nobody' });
    expect((await converge(step, host)).map((change) => change.path)).toContain('mode');
    expect([await modeOf(path), await modeOf(join(folder, 'a'))]).toEqual(['700', '755']);
    expect(await converge(step, host)).toEqual([]);
  });

  it('gets its mode and owner back, and keeps what is in it', async () => {
    await mkdir(join(folder, 'd/inside'), { recursive: true });
    await chmod(join(folder, 'd'), 0o777);
    expect(await converge(directory({ path: join(folder, 'd') }), host)).toEqual([
      { type: 'value', path: 'mode', have: '0777', want: '0755' },
    ]);
    expect(await modeOf(join(folder, 'd/inside'))).toBe('755');
  });

  it('is not made through a link that somebody could have put there', async () => {
    await mkdir(join(folder, 'victim'));
    await symlink('victim', join(folder, 'link'));
    await chmod(folder, 0o777);
    await expect(converge(directory({ path: join(folder, 'link/new') }), host)).rejects.toThrow(
      /^UNSAFE_PATH/,
    );
    await expect(converge(directory({ path: join(folder, 'link') }), host)).rejects.toThrow(/^UNSAFE_PATH/);
    expect(await changesOf(directory({ path: join(folder, 'victim/new') }), host)).not.toEqual([]);
  });
});
