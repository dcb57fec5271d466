import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changesOf, converge } from '../../test/support/converge.ts';
import { LocalShellConnection } from '../../test/support/local-shell-connection.ts';
import { shells } from '../../test/support/shells.ts';
import { problemsOf } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { RemoteHost } from '../host/remote-host.ts';
import { fileTree, type FileTreeProps, type TreeFile } from './file-tree.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-tree-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function hostOver(connection: LocalShellConnection): RemoteHost {
  const progress = () => undefined;
  return new RemoteHost({ name: 'web-1', address: '127.0.0.1', connection, progress, clock: Date.now });
}

/** Every file below a folder with its bytes, and every folder, each with its mode. */
async function treeOf(path: string, below = ''): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(join(path, below), { withFileTypes: true })) {
    const name = below + entry.name;
    const mode = ((await lstat(join(path, name))).mode & 0o7777).toString(8).padStart(4, '0');
    if (entry.isDirectory()) Object.assign(found, { [`${name}/`]: mode }, await treeOf(path, `${name}/`));
    else
      found[name] =
        `${mode} ${entry.isFile() ? (await readFile(join(path, name))).toString('latin1') : 'link'}`;
  }
  return found;
}

const problemOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => problemsOf(error)[0],
  );

describe.runIf(process.getuid?.() === 0).each(shells)('a tree on a host with $name', ({ options }) => {
  const tree = (files: Readonly<Record<string, TreeFile>>, more: Partial<FileTreeProps> = {}) =>
    fileTree({ path: join(folder, 'tree'), files, ...more } as FileTreeProps);
  const tools = () => new LocalShellConnection(options);

  it('is made with all its folders, and is then as wanted', async () => {
    const step = tree({
      'index.html': '<p>it’s $HOME `here`\\\n',
      'bin/run': { content: '#!/bin/sh\n', mode: '0755' },
      'keys/token': { content: new Secret('s3cret', 'token'), mode: '0600' },
      'deep/er/empty': '',
      'deep/er/raw': Uint8Array.from([0, 1, 128, 255, 10]),
    });
    const connection = tools();
    const changes = await converge(step, hostOver(connection));
    expect(changes.find(({ path }) => path === 'keys/token')).toEqual({
      type: 'secret',
      path: 'keys/token',
      have: 'absent',
    });
    expect(await treeOf(join(folder, 'tree'))).toEqual({
      'index.html': `0644 ${Buffer.from('<p>it’s $HOME `here`\\\n').toString('latin1')}`,
      'bin/': '0755',
      'bin/run': '0755 #!/bin/sh\n',
      'keys/': '0755',
      'keys/token': '0600 s3cret',
      'deep/': '0755',
      'deep/er/': '0755',
      'deep/er/empty': '0644 ',
      'deep/er/raw': '0644 \0\u0001\u0080\u00ff\n',
    });
    expect(connection.scripts.join('\n')).not.toContain('s3cret');
    expect(await converge(step, hostOver(tools()))).toEqual([]);
  });

  it('sends only what differs, and replaces it as a whole', async () => {
    await converge(tree({ a: 'one\n', 'b/c': 'two\n' }), hostOver(tools()));
    const [a, c] = [join(folder, 'tree/a'), join(folder, 'tree/b/c')];
    const before = [await stat(a), await stat(c)];
    const changes = await converge(tree({ a: 'one\n', 'b/c': 'three\n' }), hostOver(tools()));
    expect(changes.map(({ path }) => path)).toEqual(['b/c']);
    expect((await stat(a)).ctimeMs).toBe(before[0]!.ctimeMs);
    expect((await stat(c)).ino).not.toBe(before[1]!.ino);
    await chmod(a, 0o600);
    await chown(c, 65534, 65534);
    const attributes = await converge(tree({ a: 'one\n', 'b/c': 'three\n' }), hostOver(tools()));
    expect(attributes.map(({ path }) => path)).toEqual(['a mode', 'b/c mode']);
    expect(await stat(c)).toMatchObject({ uid: 0, gid: 0 });
  });

  it.each([
    ['a link', async (path: string) => symlink('/etc/passwd', path), 'UNSAFE_PATH'],
    ['a folder', async (path: string) => void (await mkdir(path)), 'STEP_FAILED'],
  ])('is refused when %s is in the place of a file, with nothing changed', async (_what, make, code) => {
    await mkdir(join(folder, 'tree'));
    await make(join(folder, 'tree/a'));
    const before = await treeOf(join(folder, 'tree'));
    expect((await problemOf(converge(tree({ a: 'x', b: 'y' }), hostOver(tools()))))?.code).toBe(code);
    expect(await treeOf(join(folder, 'tree'))).toEqual(before);
  });

  it('is refused when a folder of it is a link that another user has made', async () => {
    await mkdir(join(folder, 'tree'));
    await mkdir(join(folder, 'elsewhere'));
    await symlink(join(folder, 'elsewhere'), join(folder, 'tree/b'));
    const problem = await problemOf(converge(tree({ 'b/c': 'x' }), hostOver(tools())));
    expect(problem?.code).toBe('UNSAFE_PATH');
    expect(await readdir(join(folder, 'elsewhere'))).toEqual([]);
  });

  it('takes a link for nothing that it may write through, also when it comes at the last moment', async () => {
    await converge(tree({ a: 'old' }), hostOver(tools()));
    const connection = tools();
    const target = join(folder, 'tree/a');
    await writeFile(join(folder, 'victim'), 'mine');
    connection.prelude = `mv() { rm -f ${target}; ln -s ${join(folder, 'victim')} ${target}; command mv "$@"; }`;
    await converge(tree({ a: 'new' }), hostOver(connection));
    expect(await readFile(join(folder, 'victim'), 'utf8')).toBe('mine');
    expect(await readFile(target, 'utf8')).toBe('new');
    expect((await lstat(target)).isFile()).toBe(true);
  });

  it('converges after a run that was killed in the middle, and keeps nothing of it', async () => {
    await converge(tree({ a: 'old', 'b/c': 'old' }), hostOver(tools()));
    const connection = tools();
    connection.prelude = 'sha256sum() { case $2 in ./0/*) kill -9 $$ ;; esac; command sha256sum "$@"; }';
    await problemOf(converge(tree({ a: 'new', 'b/c': 'new' }), hostOver(connection)));
    expect((await readdir(join(folder, 'tree'))).some((name) => name.startsWith('.provision-tree-'))).toBe(
      true,
    );
    expect(await readFile(join(folder, 'tree/a'), 'utf8')).toBe('old');
    // Also a run that has nothing else to do takes it away.
    const changes = await converge(tree({ a: 'old', 'b/c': 'old' }), hostOver(tools()));
    expect(changes).toMatchObject([{ have: 'left by a run that was broken off' }]);
    expect(Object.keys(await treeOf(join(folder, 'tree')))).toEqual(['a', 'b/', 'b/c']);
  });

  it('with purge removes what is not wanted, and without leaves it', async () => {
    const files = { a: 'x', 'b/c': 'y' };
    await converge(tree(files), hostOver(tools()));
    await mkdir(join(folder, 'tree/old/er'), { recursive: true });
    for (const name of ['old/er/file', '-rf', 'b/two words', 'b/c.bak'])
      await writeFile(join(folder, 'tree', name), '');
    await symlink(folder, join(folder, 'tree/link'));
    await writeFile(join(folder, 'outside'), '');
    expect(await converge(tree(files), hostOver(tools()))).toEqual([]);
    const changes = await converge(tree(files, { purge: true }), hostOver(tools()));
    expect(changes.map(({ path }) => path).sort()).toEqual(
      ['-rf', 'b/c.bak', 'b/two words', 'link', 'old', 'old/er', 'old/er/file'].sort(),
    );
    expect(Object.keys(await treeOf(join(folder, 'tree')))).toEqual(['a', 'b/', 'b/c']);
    expect(await readdir(folder)).toContain('outside');
  });

  it('does not remove a name with a line break in it, which could be meant for another', async () => {
    await converge(tree({ a: 'x' }), hostOver(tools()));
    await writeFile(join(folder, 'tree/b\n.'), '');
    const problem = await problemOf(converge(tree({ a: 'x' }, { purge: true }), hostOver(tools())));
    expect(problem?.happened).toContain('has a control character in its name');
    expect(await readdir(join(folder, 'tree'))).toEqual(['a', 'b\n.']);
  });

  it('carries any bytes and any name that is not refused', async () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter((text) => !/[\0-\x1f\x7f/]/.test(text) && !['.', '..'].includes(text));
    const content = fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array());
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, content, { minKeys: 1, maxKeys: 8 }), async (files) => {
        await rm(join(folder, 'tree'), { recursive: true, force: true });
        await converge(tree(files), hostOver(tools()));
        for (const [each, wanted] of Object.entries(files))
          expect((await readFile(join(folder, 'tree', each))).equals(Buffer.from(wanted))).toBe(true);
      }),
      { numRuns: 8 },
    );
  }, 60_000);

  it('is made by one script, its folders and what was left of a run included', async () => {
    await mkdir(join(folder, 'tree/.provision-tree-0123456789abcdef'), { recursive: true });
    const files = Object.fromEntries(
      Array.from({ length: 200 }, (_, index) => [`part-${index % 10}/${index}`, 'x'.repeat(4000)]),
    );
    const connection = tools();
    const host = hostOver(connection);
    const step = tree(files);
    const have = await step.read(host);
    const before = connection.scripts.length;
    await step.apply(host, have);
    expect(connection.scripts.length - before).toBe(1);
    expect(step.diff(await step.read(host))).toEqual([]);
  });

  it('gets its folders also when no file differs, and when the only one is large', async () => {
    await mkdir(join(folder, 'tree'));
    await chmod(join(folder, 'tree'), 0o700);
    for (const files of [{}, { 'a/large': Buffer.alloc(1_200_000, 'x') }])
      await converge(tree(files), hostOver(tools()));
    expect(await treeOf(join(folder, 'tree'))).toMatchObject({ 'a/': '0755' });
    expect((await stat(join(folder, 'tree'))).mode & 0o777).toBe(0o755);
  });

  it('takes many files, and large ones among them', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 700 }, (_, index) => [
        `part-${index % 7}/file-${index}`,
        `${index}\n`.repeat(200),
      ]),
    );
    const step = tree({ ...files, large: Buffer.alloc(1_200_000, 'x') });
    const connection = tools();
    await converge(step, hostOver(connection));
    expect(Object.keys(await treeOf(join(folder, 'tree')))).toHaveLength(708);
    expect(connection.scripts.length).toBeLessThan(20);
  }, 60_000);
});

describe('what makes no sense', () => {
  it('is refused all at once, before anything is contacted', () => {
    const files = {
      '../x': '',
      '/y': '',
      'a//b': '',
      'nl\n': '',
      dup: '',
      'dup/in': '',
      '.provision-tree-1': '',
    };
    const told = (() => {
      try {
        fileTree({ path: '/srv/tree', files: { ...files, mode: { content: '', mode: '644' } } });
        return [];
      } catch (error) {
        return problemsOf(error).map(({ code, happened }) => `${code} ${happened}`);
      }
    })();
    expect(told).toEqual([
      'PLAYBOOK the name "../x" holds ".."',
      'PLAYBOOK the name "/y" holds "//"',
      'PLAYBOOK the name "a//b" holds "//"',
      'PLAYBOOK the name "nl\\n" holds a control character',
      'PLAYBOOK dup is a file and a folder',
      'PLAYBOOK the name ".provision-tree-1" begins like those that provision makes',
      'PLAYBOOK "644" of "mode" is not a mode',
    ]);
  });

  it('a folder of the controller gives its files, executable where they are', async () => {
    const source = {
      path: '/pages',
      files: {
        run: { content: Buffer.from('#!'), executable: true },
        text: { content: Buffer.from(''), executable: false },
      },
    };
    const step = fileTree({ path: join(folder, 'tree'), source, mode: '0640' });
    const changes = await changesOf(step, hostOver(new LocalShellConnection()));
    expect(changes.length).toBeGreaterThan(0);
    if (process.getuid?.() !== 0) return;
    await converge(step, hostOver(new LocalShellConnection()));
    expect(await treeOf(join(folder, 'tree'))).toEqual({ run: '0750 #!', text: '0640 ' });
  });
});

it('has moved for a plan when one of its files has, and not when others write beside them', async () => {
  const host = hostOver(new LocalShellConnection());
  const path = join(folder, 'tree');
  const step = fileTree({ path, files: { 'a.conf': 'a' }, owner: 'root', group: 'root' });
  await mkdir(path);
  await writeFile(join(path, 'a.conf'), 'old');
  const lasting = async () => step.precondition(await step.read(host));
  const before = await lasting();
  for (let count = 0; count < 300; count++) await writeFile(join(path, `${'x'.repeat(100)}${count}`), '');
  expect(await lasting()).toEqual(before);
  await writeFile(join(path, 'a.conf'), 'new');
  expect(await lasting()).not.toEqual(before);
});
