import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalShellConnection } from '../../test/support/local-shell-connection.ts';
import { shells } from '../../test/support/shells.ts';
import { ProvisionError } from '../core/errors.ts';
import { sh, type Script } from '../core/script.ts';
import { Secret } from '../core/secret.ts';
import type { ExecuteOptions } from './connection.ts';
import { RemoteHost } from './remote-host.ts';

// Owners can be set by root alone.
const isRoot = process.getuid?.() === 0;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remote-host-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function hostOver(connection: LocalShellConnection): RemoteHost {
  return new RemoteHost({
    name: 'web-1',
    address: '127.0.0.1',
    connection,
    progress: () => undefined,
    clock: Date.now,
  });
}

async function problemOf(promise: Promise<unknown>) {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ProvisionError);
  return (error as ProvisionError).problems[0];
}

describe.runIf(isRoot).each(shells)('files through $name', ({ options }) => {
  it('tells type, mode, owner, size and hash of what is there', async () => {
    const odd = join(folder, "it's a \\ [name] $x.txt");
    await writeFile(odd, 'hello\n');
    await chmod(odd, 0o4750);
    await mkdir(join(folder, 'sub'), { mode: 0o755 });
    await symlink('/etc/shadow', join(folder, 'link'));
    const connection = new LocalShellConnection(options);
    const host = hostOver(connection);
    const paths = [
      odd,
      join(folder, 'sub'),
      join(folder, 'link'),
      join(folder, 'no'),
      join(odd, 'below a file'),
    ];
    const states = await Promise.all(paths.map((path) => host.stat(path)));
    const root = { owner: 'root', group: 'root' };
    const sha256 = createHash('sha256').update('hello\n').digest('hex');
    expect(states[0]).toEqual({ type: 'file', mode: '4750', ...root, size: 6, sha256 });
    expect(states[1]).toMatchObject({ type: 'directory', mode: '0755', ...root });
    expect(states[2]).toMatchObject({ type: 'link' });
    expect(states.slice(3)).toEqual([undefined, undefined]);
    expect(connection.scripts).toHaveLength(1);
  });

  it('reads content byte by byte, also when it is longer than one answer may be', async () => {
    const content = `${'äöü😀\n'.repeat(25_000)}end without newline`;
    await writeFile(join(folder, 'long'), content);
    await writeFile(join(folder, 'empty'), '');
    await symlink(join(folder, 'long'), join(folder, 'link'));
    const host = hostOver(new LocalShellConnection(options));
    expect(await host.readFile(join(folder, 'long'), { maxBytes: 1_000_000 })).toBe(content);
    expect(await host.readFile(join(folder, 'long'))).toBeUndefined();
    expect(await host.readFile(join(folder, 'empty'))).toBe('');
    expect(await host.readFile(join(folder, 'link'))).toBeUndefined();
    expect(await host.readFile(join(folder, 'absent'))).toBeUndefined();
  });

  it.each([false, true])(
    'replaces a file with mode and owner (upload beside it: %s)',
    async (uploadBeside) => {
      const connection = new LocalShellConnection({ ...options, uploadBeside });
      const host = hostOver(connection);
      const path = join(folder, 'a b.conf');
      await writeFile(path, 'old');
      const before = await lstat(path);
      const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index % 256);
      await host.writeFile(path, bytes, { mode: '0640', owner: 'nobody', group: 'daemon' });
      expect(new Uint8Array(await readFile(path))).toEqual(bytes);
      expect(await host.stat(path)).toMatchObject({ mode: '0640', owner: 'nobody', group: 'daemon' });
      expect((await lstat(path)).ino).not.toBe(before.ino);
      expect(await readdir(folder)).toEqual(['a b.conf']);
      for (const upload of connection.uploads) await expect(lstat(upload)).rejects.toThrow('ENOENT');
    },
  );

  it('keeps a secret out of every script', async () => {
    const connection = new LocalShellConnection(options);
    const host = hostOver(connection);
    // Short ones travel on the standard input of the script, long ones in a file of their own.
    for (const value of ['cnry_4711', 'cnry_4711'.repeat(10_000)]) {
      await host.writeFile(join(folder, 'key'), new Secret(value, 'key'), { mode: '0600' });
      expect(await readFile(join(folder, 'key'), 'utf8')).toBe(value);
    }
    expect(connection.scripts.join('\n')).not.toMatch(/cnry_4711|Y25yeV80NzEx/);
  });

  it('refuses a link as the target, and what is in the way', async () => {
    const host = hostOver(new LocalShellConnection(options));
    await writeFile(join(folder, 'victim'), 'untouched');
    await symlink(join(folder, 'victim'), join(folder, 'link'));
    await mkdir(join(folder, 'stray'));
    expect((await problemOf(host.writeFile(join(folder, 'link'), 'x', { mode: '0644' }))).code).toBe(
      'UNSAFE_PATH',
    );
    const stray = await problemOf(host.writeFile(join(folder, 'stray'), 'x', { mode: '0644' }));
    expect(stray.happened).toContain('stray is a directory, where a file is wanted');
    const missing = await problemOf(host.writeFile(join(folder, 'no/such'), 'x', { mode: '0644' }));
    expect(missing.happened).toContain(`there is no folder ${folder}/no`);
    expect(await readFile(join(folder, 'victim'), 'utf8')).toBe('untouched');
  });

  it('follows a link on the way only where nobody but root can put one', async () => {
    const connection = new LocalShellConnection(options);
    const host = hostOver(connection);
    await mkdir(join(folder, 'real'));
    await symlink('real', join(folder, 'by-root'));
    await host.writeFile(join(folder, 'by-root/x'), 'fine', { mode: '0644' });
    expect(await readFile(join(folder, 'real/x'), 'utf8')).toBe('fine');

    await chmod(folder, 0o777);
    const before = connection.uploads.length;
    const problem = await problemOf(host.writeFile(join(folder, 'by-root/x'), 'evil', { mode: '0644' }));
    expect(problem).toMatchObject({ code: 'UNSAFE_PATH' });
    expect(problem.happened).toContain(`${folder}/by-root is a symbolic link`);
    expect(connection.uploads).toHaveLength(before);
    expect(await readFile(join(folder, 'real/x'), 'utf8')).toBe('fine');
  });

  it('refuses a link that belongs to somebody else, also in a folder like /tmp', async () => {
    const connection = new LocalShellConnection(options);
    const host = hostOver(connection);
    await mkdir(join(folder, 'real'));
    await chmod(folder, 0o1777);
    await symlink('real', join(folder, 'theirs'));
    await connection.execute(sh`chown -h nobody ${join(folder, 'theirs')}`, { doing: '', timeoutMs: 1000 });
    const problem = await problemOf(host.writeFile(join(folder, 'theirs/x'), 'evil', { mode: '0644' }));
    expect(problem.code).toBe('UNSAFE_PATH');
    expect(await readdir(join(folder, 'real'))).toEqual([]);
  });

  it('sweeps up what a killed run left, and nothing else', async () => {
    const left = ['.x.provision-0123456789abcdef', '.x.provision-short', '.y.provision-0123456789abcdef'];
    for (const name of left) await writeFile(join(folder, name), '');
    await hostOver(new LocalShellConnection(options)).writeFile(join(folder, 'x'), '', { mode: '0644' });
    expect((await readdir(folder)).sort()).toEqual([...left.slice(1), 'x'].sort());
  });

  it('leaves the old file alone when the bytes that arrive are other ones', async () => {
    class Corrupting extends LocalShellConnection {
      override upload(_content: Uint8Array, near: string): Promise<string> {
        return super.upload(Buffer.alloc(100_000, 'nev'), near);
      }
      override execute(script: Script, given: ExecuteOptions) {
        return super.execute(script, { ...given, ...(given.stdin !== undefined && { stdin: 'bmV2' }) });
      }
    }
    for (const content of ['new', Buffer.alloc(100_000, 'new')]) {
      await writeFile(join(folder, 'x'), 'old');
      const host = hostOver(new Corrupting(options));
      const problem = await problemOf(host.writeFile(join(folder, 'x'), content, { mode: '0644' }));
      expect(problem.happened).toContain('not the ones that were sent');
      expect(problem.hostState).toBe('the old file is untouched');
      expect(await readFile(join(folder, 'x'), 'utf8')).toBe('old');
      expect(await readdir(folder)).toEqual(['x']);
    }
  });

  // Each tool that the scripts use is a place where a run may die: right before and right after it.
  const cuts: [tool: string, when: 'before' | 'after', survivor: 'old' | 'fresh'][] = [
    ...['stat', 'sha256sum', 'chown', 'chmod', 'sync'].flatMap((tool) => [
      [tool, 'before', 'old'] satisfies (typeof cuts)[number],
      [tool, 'after', 'old'] satisfies (typeof cuts)[number],
    ]),
    ['cat', 'before', 'old'],
    ['cat', 'after', 'old'],
    ['mv', 'before', 'old'],
    ['mv', 'after', 'fresh'],
    ['rm', 'before', 'fresh'],
    ['rm', 'after', 'fresh'],
  ];
  it.each(cuts)(
    'survives a kill at %s (%s it): the file is %s, and the next run repairs',
    async (tool, when, survivor) => {
      const path = join(folder, 'x');
      const content = { old: 'old\n'.repeat(10_000), fresh: 'fresh\n'.repeat(20_000) };
      const call = when === 'before' ? '' : `command ${tool} "$@";`;
      for (const uploadBeside of tool === 'cat' ? [false] : [false, true]) {
        await writeFile(path, content.old, { mode: 0o600 });
        const connection = new LocalShellConnection({ ...options, uploadBeside });
        connection.prelude = `${tool}() { ${call} kill -9 $$; }`;
        const host = hostOver(connection);
        await expect(host.writeFile(path, content.fresh, { mode: '0644' })).rejects.toThrow(
          'killed by SIGKILL',
        );
        expect(await readFile(path, 'utf8')).toBe(content[survivor]);

        connection.revive();
        await host.writeFile(path, content.fresh, { mode: '0644' });
        expect(await readFile(path, 'utf8')).toBe(content.fresh);
        expect((await readdir(folder)).filter((name) => name.startsWith('.x'))).toEqual([]);
      }
    },
  );
});

describe.runIf(isRoot)('a disk with little room', () => {
  it('is found out before anything is sent', async ({ skip }) => {
    const connection = new LocalShellConnection();
    const mounted = await connection.execute(
      sh`mount -t tmpfs -o size=64k tmpfs ${folder} && echo old >${join(folder, 'x')}`,
      { doing: '', timeoutMs: 1000 },
    );
    skip(mounted.code !== 0, `no file system can be mounted here: ${mounted.stderr}`);
    try {
      const host = hostOver(connection);
      const problem = await problemOf(
        host.writeFile(join(folder, 'x'), 'x'.repeat(100_000), { mode: '0644' }),
      );
      expect(problem).toMatchObject({ code: 'DISK_FULL', hostState: 'the old file is untouched' });
      expect(problem.happened).toMatch(/\d+ kB are free, 102 kB are needed/);
      expect(connection.uploads).toEqual([]);
      await connection.execute(sh`mount -o remount,ro ${folder}`, { doing: '', timeoutMs: 1000 });
      const readOnly = await problemOf(host.writeFile(join(folder, 'x'), 'new', { mode: '0644' }));
      expect(readOnly.code).toBe('READ_ONLY');
      expect(await readFile(join(folder, 'x'), 'utf8')).toBe('old\n');
    } finally {
      await connection.execute(sh`umount ${folder}`, { doing: '', timeoutMs: 1000 });
    }
  });
});

describe('scripts', () => {
  it('are answers for probe, whatever their status', async () => {
    const output = await hostOver(new LocalShellConnection()).probe(sh`echo out; echo err >&2; exit 7`);
    expect(output).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' });
  });

  it('are errors for run unless they end with 0', async () => {
    const host = hostOver(new LocalShellConnection());
    await expect(host.run(sh`cat`, { stdin: new Secret('quiet', 's') })).resolves.toMatchObject({
      stdout: 'quiet',
    });
    const problem = await problemOf(host.run(sh`echo why >&2; exit 3`, { doing: 'trying' }));
    expect(problem).toMatchObject({ code: 'COMMAND_FAILED', happened: 'trying ended with exit status 3' });
    expect(problem.detail).toContain('why');
  });
});

it.each(['relative', '/a/../b', '/a//b', '/a/', '/new\nline'])('refuses the path %j', async (path) => {
  const connection = new LocalShellConnection();
  const host = hostOver(connection);
  for (const attempt of [host.stat(path), host.readFile(path), host.writeFile(path, '', { mode: '0644' })]) {
    expect((await problemOf(attempt)).code).toBe('UNSAFE_PATH');
  }
  expect(connection.scripts).toEqual([]);
});

describe('facts', () => {
  it('are gathered once, whoever asks and when, until something says that they have changed', async () => {
    const connection = new LocalShellConnection();
    const host = hostOver(connection);
    const [first, second] = await Promise.all([host.facts(), host.facts()]);
    expect(second).toBe(first);
    expect(await host.facts()).toBe(first);
    expect(connection.scripts).toHaveLength(1);
    host.forgetFacts();
    expect(await host.facts()).not.toBe(first);
    expect(connection.scripts).toHaveLength(2);
  });

  it('that could not be gathered are asked for again', async () => {
    const connection = new LocalShellConnection({ prelude: 'kill -9 $$' });
    const host = hostOver(connection);
    await expect(host.facts()).rejects.toThrow();
    connection.revive();
    expect((await host.facts()).cpus).toBeGreaterThan(0);
  });
});
