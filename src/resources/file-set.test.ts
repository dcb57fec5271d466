import { existsSync } from 'node:fs';
import { chmod, lstat, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { changesOf, converge } from '../../test/support/converge.ts';
import { LocalShellConnection } from '../../test/support/local-shell-connection.ts';
import { shells } from '../../test/support/shells.ts';
import { ProvisionError, type Problem } from '../core/errors.ts';
import { sh } from '../core/script.ts';
import { Secret } from '../core/secret.ts';
import { RemoteHost } from '../host/remote-host.ts';
import { MemoryHost } from '../host/memory-host.ts';
import { fileSet, type FileSetProps } from './file-set.ts';

// Owners can be set by root alone.
const isRoot = process.getuid?.() === 0;

let folder: string;
let root: string;
let work: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-set-'));
  root = join(folder, 'etc');
  work = join(folder, 'state/work');
  await mkdir(root);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const connectionOver = (options = {}) => new LocalShellConnection(options);

function hostOver(connection: LocalShellConnection, progress: (text: string) => void = () => undefined) {
  return new RemoteHost({ name: 'lb-1', address: '127.0.0.1', connection, progress, clock: Date.now });
}

/**
 * A service whose whole state is the file `served`: reloading copies the version of its configuration there, unless the
 * configuration says that it is not to be served. A configuration is valid when it includes a file that exists and holds a key.
 */
function web(version: string, more: Partial<FileSetProps<unknown>> = {}) {
  const main = join(root, 'main.conf');
  const served = join(folder, 'served');
  return fileSet({
    name: 'web',
    root,
    workFolder: work,
    files: [
      { path: main, content: `version ${version}\n` },
      { path: join(root, 'tls/key.pem'), content: new Secret(`key of ${version}`, 'key'), mode: '0600' },
    ],
    remove: [join(root, 'default')],
    validate: sh`read -r _ version <${main}
case $version in invalid) echo "nginx: [emerg] unknown directive in ${main}:1" >&2; exit 1;; esac
[ "$(cat ${join(root, 'tls/key.pem')})" = "key of $version" ] || { echo "key does not match" >&2; exit 1; }
cat ${join(root, 'unrelated.conf')} >/dev/null`,
    activate: sh`read -r _ version <${main}
case $version in crash) echo "cannot start" >&2; exit 1;; stuck) exit 0;; esac
printf '%s' "$version" >|${served}`,
    observe: (host) => host.readFile(served),
    expected: version,
    diagnose: sh`echo "bind() failed (98)"`,
    ...more,
  });
}

async function live(): Promise<Record<string, string>> {
  const names = (await readdir(root, { recursive: true, withFileTypes: true })).filter(
    (entry) => !entry.isDirectory(),
  );
  const entries = names.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const content = entry.isSymbolicLink() ? 'a link' : await readFile(path, 'utf8');
    return [path.slice(root.length + 1), content] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

const filesOf = (version: string) => ({
  'main.conf': `version ${version}\n`,
  'tls/key.pem': `key of ${version}`,
  'unrelated.conf': '# theirs\n',
});

/** The host as the first version left it. */
async function installFirst(host: RemoteHost): Promise<void> {
  await writeFile(join(root, 'unrelated.conf'), '# theirs\n');
  await symlink('elsewhere', join(root, 'default'));
  await converge(web('1'), host);
}

async function failureOf(promise: Promise<unknown>): Promise<Problem> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ProvisionError);
  return (error as ProvisionError).problems[0];
}

async function expectNothingLeft(): Promise<void> {
  expect(existsSync(work)).toBe(false);
  const all = await readdir(folder, { recursive: true });
  expect(all.filter((name) => name.includes('.provision-'))).toEqual([]);
}

const noMount = 'unshare() { return 1; }';

describe.runIf(isRoot).each(shells)('a file set through $name', ({ options }) => {
  it('brings all files, removes what must not be there, and is served', async () => {
    const host = hostOver(connectionOver(options));
    await writeFile(join(root, 'unrelated.conf'), '# theirs\n');
    await symlink('elsewhere', join(root, 'default'));
    const changes = await converge(web('1'), host);
    expect(changes.map((change) => change.path)).toEqual([
      ...['', ' mode', ' owner', ' group'].map((aspect) => `${root}/main.conf${aspect}`),
      ...['', ' mode', ' owner', ' group'].map((aspect) => `${root}/tls/key.pem${aspect}`),
      `${root}/default`,
      'web serves',
    ]);
    expect(JSON.stringify(changes)).not.toContain('key of');
    expect(await live()).toEqual(filesOf('1'));
    expect((await lstat(join(root, 'tls/key.pem'))).mode & 0o777).toBe(0o600);
    expect((await lstat(join(root, 'tls'))).mode & 0o777).toBe(0o755);
    expect(await converge(web('1'), host)).toEqual([]);
    await expectNothingLeft();
  });

  it('touches only the files that differ', async () => {
    const host = hostOver(connectionOver(options));
    await installFirst(host);
    const before = await lstat(join(root, 'main.conf'));
    await chmod(join(root, 'tls/key.pem'), 0o644);
    expect(await converge(web('1'), host)).toEqual([
      { type: 'value', path: `${root}/tls/key.pem mode`, have: '0644', want: '0600' },
    ]);
    expect(await lstat(join(root, 'main.conf'))).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  });

  it.each([
    ['in a private view', ''],
    ['after the swap, where there is no private view', noMount],
  ])('F35: refuses files that are not valid %s; the old ones stay', async (_, prelude) => {
    const host = hostOver(connectionOver({ ...options, prelude }));
    await installFirst(host);
    const inode = (await lstat(join(root, 'main.conf'))).ino;
    const problem = await failureOf(converge(web('invalid'), host));
    expect(problem.code).toBe('VALIDATION_FAILED');
    expect(problem.happened).toContain(`[emerg] unknown directive in ${root}/main.conf:1`);
    expect(await live()).toEqual(filesOf('1'));
    expect(await readFile(join(folder, 'served'), 'utf8')).toBe('1');
    if (prelude === '') expect((await lstat(join(root, 'main.conf'))).ino).toBe(inode);
    await expectNothingLeft();
    await converge(web('2'), host);
    expect(await live()).toEqual(filesOf('2'));
  });

  it('F35: validates the whole tree: an unrelated broken file stops it too', async () => {
    const host = hostOver(connectionOver(options));
    await installFirst(host);
    await rm(join(root, 'unrelated.conf'));
    const problem = await failureOf(converge(web('2'), host));
    expect(problem).toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(await readFile(join(root, 'main.conf'), 'utf8')).toBe('version 1\n');
  });

  it('F36: puts the old files back and serves them when activating fails', async () => {
    const host = hostOver(connectionOver(options));
    await installFirst(host);
    await symlink('elsewhere', join(root, 'default'));
    const problem = await failureOf(converge(web('crash'), host));
    expect(problem).toMatchObject({
      code: 'ACTION_FAILED',
      hostState: 'the old files are back, and they are served as before',
    });
    expect(problem.detail).toContain('cannot start');
    expect(await live()).toEqual({ ...filesOf('1'), default: 'a link' });
    expect(await readFile(join(folder, 'served'), 'utf8')).toBe('1');
    await expectNothingLeft();
  });

  it('F36: removes what did not exist before when the first activation fails', async () => {
    const host = hostOver(connectionOver(options));
    await writeFile(join(root, 'unrelated.conf'), '# theirs\n');
    const problem = await failureOf(converge(web('crash'), host));
    expect(problem.hostState).toMatch(/^the old files are back, and before this run nothing was served/);
    expect(await readdir(root)).toEqual(['unrelated.conf']);
    await expectNothingLeft();
  });

  it('S23: does not follow a link inside the tree', async () => {
    await mkdir(join(folder, 'victim'));
    await symlink('../victim', join(root, 'tls'));
    const problem = await failureOf(converge(web('1'), hostOver(connectionOver(options))));
    expect(problem.code).toBe('UNSAFE_PATH');
    expect(await readdir(join(folder, 'victim'))).toEqual([]);
  });

  it('F28: is put right by the next run after a run that died in the middle of the swap', async () => {
    const connection = connectionOver(options);
    const host = hostOver(connection);
    await installFirst(host);
    // The first rename inside the live tree is done, the second is not.
    connection.prelude = `mv() { command mv "$@" || return; case $PWD$* in ${root}*/main.conf) kill -9 $$;; esac; }`;
    await expect(converge(web('2'), host)).rejects.toThrow('SIGKILL');
    expect(await live()).toMatchObject({ 'main.conf': 'version 2\n', 'tls/key.pem': 'key of 1' });

    connection.revive();
    const problem = await failureOf(converge(web('crash'), host));
    expect(problem.hostState).toBe('the old files are back, and they are served as before');
    expect(await live()).toEqual(filesOf('1'));
    await converge(web('2'), host);
    expect(await live()).toEqual(filesOf('2'));
    await expectNothingLeft();
  });

  it('F28: is put right although a folder of the files was removed after a run had died', async () => {
    const connection = connectionOver(options);
    const host = hostOver(connection);
    await installFirst(host);
    connection.prelude = `mv() { command mv "$@" || return; case $PWD$* in ${root}*/main.conf) kill -9 $$;; esac; }`;
    await expect(converge(web('2'), host)).rejects.toThrow('SIGKILL');
    await rm(join(root, 'tls'), { recursive: true });

    connection.revive();
    await converge(web('2'), host);
    expect(await live()).toEqual(filesOf('2'));
    await expectNothingLeft();
  });

  it('F28: has the old keys removed that a run kept which died when all was done but the clearing up', async () => {
    const connection = connectionOver(options);
    const host = hostOver(connection);
    await installFirst(host);
    connection.prelude = `rm() { case $* in *transaction*) kill -9 $$;; esac; command rm "$@"; }`;
    await expect(converge(web('2'), host)).rejects.toThrow('SIGKILL');
    expect(await readFile(join(work, 'backup/files/tls/key.pem'), 'utf8')).toBe('key of 1');

    connection.revive();
    expect(await changesOf(web('2'), host)).toEqual([
      { type: 'value', path: work, have: 'left by a run that died', want: 'absent' },
    ]);
    await converge(web('2'), host);
    await expectNothingLeft();
    expect(await changesOf(web('2'), host)).toEqual([]);
  });
});

describe.runIf(isRoot)('a run that dies', () => {
  it(
    'at any tool call leaves old or new files, and the next run converges',
    { timeout: 240_000 },
    async () => {
      const counter = join(folder, 'counter');
      const tools = [
        'cp',
        'mv',
        'rm',
        'mkdir',
        'sync',
        'chmod',
        'chown',
        'cat',
        'sha256sum',
        'df',
        'unshare',
        'printf',
      ];
      const prelude = `tick() { read -r n <${counter}; n=$((n - 1)); echo $n >|${counter}; [ $n -gt 0 ] || kill -9 $$; }
${tools.map((tool) => `${tool}() { tick; command ${tool} "$@"; }`).join('\n')}`;
      const connection = connectionOver();
      const host = hostOver(connection);
      await installFirst(host);
      let from = '1';
      for (let calls = 1; ; calls++) {
        const to = from === '1' ? '2' : '1';
        await writeFile(counter, `${calls}\n`);
        connection.prelude = prelude;
        const died = await converge(web(to), host).then(
          () => false,
          () => true,
        );
        if (!died) {
          expect(calls).toBeGreaterThan(30);
          break;
        }
        const now = await live();
        expect([`version ${from}\n`, `version ${to}\n`]).toContain(now['main.conf']);
        expect([`key of ${from}`, `key of ${to}`]).toContain(now['tls/key.pem']);
        connection.revive();
        await converge(web(to), host);
        expect(await live()).toEqual(filesOf(to));
        expect(await readFile(join(folder, 'served'), 'utf8')).toBe(to);
        await expectNothingLeft();
        from = to;
      }
    },
  );
});

describe('F36: a service that takes the files and does not serve them', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  it.runIf(isRoot)('gets its old files back after 15 seconds, with the end of its log', async () => {
    const seen: string[] = [];
    const connection = connectionOver();
    const host = hostOver(connection, (text) => seen.push(text));
    await installFirst(host);
    let settled = false;
    const failing = failureOf(converge(web('stuck'), host)).finally(() => (settled = true));
    while (!settled as boolean) {
      await vi.advanceTimersByTimeAsync(500);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const problem = await failing;
    expect(problem).toMatchObject({ code: 'NOT_LIVE', detail: 'bind() failed (98)' });
    expect(problem.happened).toContain('after 15 s it served 1, not stuck');
    expect(problem.hostState).toBe('the old files are back, and they are served as before');
    expect(seen).toContain('waiting until web serves stuck (now: 1)');
    expect(await live()).toEqual(filesOf('1'));
  });
});

describe('content that depends on the host', () => {
  const set = (discover: () => Promise<{ version: string } | undefined>, isForeseen = false) =>
    fileSet({
      isForeseen: () => isForeseen,
      name: 'web',
      root: '/etc/web',
      discover,
      files: [
        { path: '/etc/web/static', content: 'same\n' },
        { path: '/etc/web/main.conf', content: ({ version }: { version: string }) => `for ${version}\n` },
      ],
      validate: sh`true`,
      activate: sh`true`,
      observe: async (host) => (await host.request({ port: 80, path: '/' })).body,
      expected: (files, { version }) => `${files.length} files for ${version}`,
    });

  it('is known after apply as long as nothing was discovered', async () => {
    const host = new MemoryHost().file('/etc/web/static', 'same\n');
    expect(
      await changesOf(
        set(async () => undefined),
        host,
      ),
    ).toEqual([
      { type: 'unknown', path: '/etc/web/main.conf' },
      { type: 'unknown', path: 'web serves' },
    ]);
    await expect(
      converge(
        set(async () => undefined),
        host,
      ),
    ).rejects.toThrow(/depend on was not found/);
  });

  it('is shown while it is only foreseen, and what is served is known after apply', async () => {
    const step = set(async () => ({ version: '1.22' }), true);
    const host = new MemoryHost().file('/etc/web/static', 'same\n');
    const changes = await changesOf(step, host);
    expect(changes).toContainEqual({ type: 'text', path: '/etc/web/main.conf', want: 'for 1.22\n' });
    expect(changes.at(-1)).toEqual({ type: 'unknown', path: 'web serves' });
    expect(step.effects(undefined, changes)).toEqual([{ type: 'reload', what: 'web' }]);
  });

  it('is compared once it is', async () => {
    const host = new MemoryHost().file('/etc/web/static', 'same\n').file('/etc/web/main.conf', 'for 1.22\n');
    const step = set(async () => ({ version: '1.22' }));
    expect(await changesOf(step, host)).toEqual([
      { type: 'value', path: 'web serves', want: '2 files for 1.22' },
    ]);
    host.respond('80/', { body: '2 files for 1.22' });
    expect(await changesOf(step, host)).toEqual([]);
  });
});

it('refuses files outside of the root, and the same path twice', () => {
  const twice = { path: '/etc/web/x', content: '' };
  const make = () =>
    fileSet({
      ...{
        name: 'web',
        root: '/etc/web',
        files: [twice, { path: '/etc/other', content: '' }],
        remove: ['/etc/web/x'],
      },
      ...{ validate: sh`true`, activate: sh`true`, observe: async () => undefined, expected: '' },
    });
  expect(make).toThrow(/\/etc\/other is not below \/etc\/web/);
  expect(make).toThrow(/\/etc\/web\/x is given twice/);
});
