import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalShellConnection } from '../../test/support/local-shell-connection.ts';
import { shells } from '../../test/support/shells.ts';
import { problemsOf } from '../core/errors.ts';
import type { Content, WriteOptions } from '../core/host.ts';
import type { LargeFile } from '../core/large-file.ts';
import { quote, sh } from '../core/script.ts';
import type { UploadOptions } from './connection.ts';
import { RemoteHost } from './remote-host.ts';

// Owners can be set by root alone.
const isRoot = process.getuid?.() === 0;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atomic-write-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const told: string[] = [];

function write(
  connection: LocalShellConnection,
  path: string,
  content: Content,
  options: WriteOptions = { mode: '0644' },
) {
  const progress = (text: string) => void told.push(text);
  const host = new RemoteHost({ name: 'web-1', address: '127.0.0.1', connection, progress, clock: Date.now });
  return host.writeFile(path, content, options);
}

const problemOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => problemsOf(error)[0],
  );

const long = 'the same bytes\n'.repeat(5000);

describe.runIf(isRoot).each(shells)('S23: links and swaps, through $name', ({ options }) => {
  /** What must stay as it is. It has the bytes that are written, so that no hash can tell it from the new file. */
  let shadow: string;
  beforeEach(async () => {
    shadow = join(await mkdtemp(join(folder, 'etc-')), 'shadow');
  });
  const expectUntouched = async (content: string) => {
    expect(await readFile(shadow, 'utf8')).toBe(content);
    expect(await lstat(shadow)).toMatchObject({ uid: 0, gid: 0, mode: 0o100600, nlink: 1 });
  };
  const theirs: WriteOptions = { mode: '0666', owner: 'nobody', group: 'daemon' };

  it('the target is a link: refused', async () => {
    await writeFile(shadow, 'short', { mode: 0o600 });
    await symlink(shadow, join(folder, 'x'));
    const problem = await problemOf(
      write(new LocalShellConnection(options), join(folder, 'x'), 'short', theirs),
    );
    expect(problem?.code).toBe('UNSAFE_PATH');
    await expectUntouched('short');
  });

  it('a parent is a link that another user has made: refused', async () => {
    await writeFile(shadow, 'short', { mode: 0o600 });
    await mkdir(join(folder, 'home'));
    await chown(join(folder, 'home'), 65534, 65534);
    await symlink(join(shadow, '..'), join(folder, 'home/etc'));
    const path = join(folder, 'home/etc/shadow');
    const problem = await problemOf(write(new LocalShellConnection(options), path, 'short', theirs));
    expect(problem?.code).toBe('UNSAFE_PATH');
    await expectUntouched('short');
  });

  const swaps = {
    'removed, and a link is there': (to: string) => `rm -f "./$temp"; ln -s ${to} "./$temp"`,
    'moved away, and a link is there': (to: string) => `mv "./$temp" ./away; ln -s ${to} "./$temp"`,
    'removed, and a second name of the other file is there': (to: string) =>
      `rm -f "./$temp"; ln ${to} "./$temp"`,
  };
  const ways = [
    ['inside the script', 'short', false],
    ['beside the target', long, true],
    ['in a private folder', long, false],
  ] as const;
  it.each(Object.entries(swaps).flatMap(([name, swap]) => ways.map((way) => [name, ...way, swap] as const)))(
    'the new file is %s (%s): refused',
    async (_name, _way, content, uploadBeside, swap) => {
      await writeFile(shadow, content, { mode: 0o600 });
      await writeFile(join(folder, 'x'), 'old');
      const connection = new LocalShellConnection({ ...options, uploadBeside });
      connection.prelude = `stat() { case $1 in -L) ${swap(quote(shadow))} ;; esac; command stat "$@"; }`;
      const problem = await problemOf(write(connection, join(folder, 'x'), content, theirs));
      expect(problem).toMatchObject({ code: 'UNSAFE_PATH', hostState: 'the old file is untouched' });
      expect(problem?.happened).toContain('was put in the place of the new file');
      expect(await readFile(join(folder, 'x'), 'utf8')).toBe('old');
      await expectUntouched(content);
    },
  );

  it('the upload is a link when it is looked at: refused', async () => {
    class Swapped extends LocalShellConnection {
      override async upload(
        content: Uint8Array | LargeFile,
        near: string,
        options?: UploadOptions,
      ): Promise<string> {
        const path = await super.upload(content, near, options);
        await rm(path);
        await symlink(shadow, path);
        return path;
      }
    }
    await writeFile(shadow, long, { mode: 0o600 });
    const beside = new Swapped({ ...options, uploadBeside: true });
    const problem = await problemOf(write(beside, join(folder, 'x'), long, theirs));
    expect(problem?.code).toBe('UNSAFE_PATH');
    await expectUntouched(long);
    // Copied from elsewhere, it is other bytes, which nobody gets to see.
    const elsewhere = await problemOf(write(new Swapped(options), join(folder, 'x'), `${long}.`, theirs));
    expect(elsewhere?.happened).toContain('not the ones that were sent');
    await expectUntouched(long);
    expect((await readdir(folder)).filter((name) => !name.startsWith('etc-'))).toEqual([]);
  });
});

describe.runIf(isRoot)('F22: a file system without an inode for another file', () => {
  it.for([
    ['inside the script', 'short'],
    ['by an upload', long],
  ])('is found out before anything is sent (%s)', async ([, content = ''], { skip }) => {
    const connection = new LocalShellConnection();
    const mount = sh`mount -t tmpfs -o size=4m,nr_inodes=4 tmpfs ${folder}`;
    const mounted = await connection.execute(mount, { doing: '', timeoutMs: 10_000 });
    skip(mounted.code !== 0, `no file system can be mounted here: ${mounted.stderr}`);
    try {
      for (const name of ['x', 'y', 'z']) await writeFile(join(folder, name), 'old');
      const problem = await problemOf(write(connection, join(folder, 'x'), content));
      expect(problem).toMatchObject({ code: 'DISK_FULL', hostState: 'the old file is untouched' });
      expect(problem?.happened).toContain('no inode for another file');
      expect(connection.uploads).toEqual([]);
      expect(await readFile(join(folder, 'x'), 'utf8')).toBe('old');
      expect(await readdir(folder)).toEqual(expect.arrayContaining(['x', 'y', 'z']));
      await rm(join(folder, 'z'));
      await write(connection, join(folder, 'x'), content);
      expect(await readFile(join(folder, 'x'), 'utf8')).toBe(content);
    } finally {
      await connection.execute(sh`umount ${folder}`, { doing: '', timeoutMs: 10_000 });
    }
  });
});

describe.runIf(isRoot)('a host with SELinux', () => {
  /** Tools that say what they were asked, and answer as told. */
  async function hostWith(tools: Record<string, string>): Promise<LocalShellConnection> {
    const path = await mkdtemp(join(folder, 'tools-'));
    for (const [name, script] of Object.entries(tools))
      await writeFile(join(path, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return new LocalShellConnection({ path });
  }
  const target = () => join(folder, 'x');
  const restorecon = (end: string) => `echo "$@ $(cat ./x)" >>${quote(join(folder, 'asked'))}; ${end}`;

  it('F53: gives the new file the label of the policy', async () => {
    const host = await hostWith({ selinuxenabled: 'exit 0', restorecon: restorecon('exit 0') });
    await write(host, target(), 'new');
    expect(await readFile(join(folder, 'asked'), 'utf8')).toBe('-- ./x new\n');
  });

  it('is not asked for labels when SELinux is off', async () => {
    const host = await hostWith({ selinuxenabled: 'exit 1', restorecon: restorecon('exit 0') });
    await write(host, target(), 'new');
    await expect(readFile(join(folder, 'asked'))).rejects.toThrow('ENOENT');
  });

  it('F53: says so when the label cannot be set, and that the file is there', async () => {
    const host = await hostWith({ selinuxenabled: 'exit 0', restorecon: restorecon('exit 1') });
    const problem = await problemOf(write(host, target(), 'new'));
    expect(problem).toMatchObject({ code: 'COMMAND_FAILED', hostState: 'the new file is in its place' });
    expect(problem?.happened).toContain(`${target()} did not get the label`);
    expect(await readFile(target(), 'utf8')).toBe('new');
  });
});

describe.runIf(isRoot)('a disk that cannot keep the bytes', () => {
  it('fails the writing when it says so at the flush', async () => {
    const connection = new LocalShellConnection();
    await writeFile(join(folder, 'x'), 'old');
    connection.prelude = 'sync() { echo "sync: error syncing \'x\': Input/output error" >&2; return 1; }';
    const problem = await problemOf(write(connection, join(folder, 'x'), 'new'));
    expect(problem).toMatchObject({ code: 'COMMAND_FAILED', hostState: 'the old file is untouched' });
    expect(problem?.detail).toContain('Input/output error');
    expect(await readFile(join(folder, 'x'), 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['x']);
  });

  it('is flushed as a whole by a sync that takes no names', async () => {
    const connection = new LocalShellConnection();
    const asked = quote(join(folder, 'asked'));
    connection.prelude = `sync() { echo "$#" >>${asked}; [ $# -eq 0 ] || { echo 'sync: unrecognized option' >&2; return 1; }; }`;
    await write(connection, join(folder, 'x'), 'new');
    expect(await readFile(join(folder, 'asked'), 'utf8')).toBe('2\n0\n2\n0\n');
  });
});

it.runIf(isRoot)('S04: a key that somebody made readable is a new file with mode 0600 again', async () => {
  const path = join(folder, 'key.pem');
  await writeFile(path, 'key');
  await chmod(path, 0o644);
  const before = await lstat(path);
  await write(new LocalShellConnection(), path, 'key', { mode: '0600' });
  const after = await lstat(path);
  expect(after).toMatchObject({ mode: 0o100600, uid: 0, gid: 0 });
  // Whoever had opened the old one keeps what he had, and gets nothing of the new one.
  expect(after.ino).not.toBe(before.ino);
});
