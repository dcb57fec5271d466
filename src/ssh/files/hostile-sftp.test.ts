import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { problemsOf } from '../../core/errors.ts';
import type { Connection } from '../../host/connection.ts';
import { connect } from '../connect.ts';
import { loopback, makeFolder, removeFolders, trusting } from '../testing/loopback.ts';
import type { FileRequest, FileServerOptions } from '../testing/file-server-options.ts';
import type { SshServerOptions } from '../testing/ssh-server.ts';
import { startSshServer } from '../testing/ssh-server.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  removeFolders();
});

async function open(
  files: FileServerOptions,
  more: { uploadStallMs?: number; server?: SshServerOptions } = {},
): Promise<Connection> {
  const server = await startSshServer({ files, ...more.server });
  closing.push(() => server.close());
  const { uploadStallMs } = more;
  const options = uploadStallMs === undefined ? {} : { uploadStallMs };
  const connection = await connect(loopback(server.port), trusting([[server.port, server.hostKey]], options));
  closing.push(() => connection.close());
  return connection;
}

const content = Buffer.alloc(100_000, 'new');

const hostileNames = [
  '../../x',
  '../victim',
  '/etc/passwd',
  '..',
  '.',
  '',
  'a/b',
  'nul\0name',
  'line\nbreak',
  '\u001b[2J',
  'x'.repeat(4096),
  '.provision-1-../../../../../../../tmp',
  '.provision-999999999-0123456789abcdef01234567/..',
  'upload-0123456789abcdef/../../victim',
  '-rf',
];

describe('S20: names that a server makes up', () => {
  test.each(hostileNames.map((name) => [name.slice(0, 60), name]))(
    '%j in every list is neither removed nor written to',
    async (_shown, name = '') => {
      const [home, folder, outside] = [makeFolder(), makeFolder(), makeFolder()];
      for (const victim of [join(home, 'victim'), join(folder, 'victim'), join(outside, 'victim')])
        writeFileSync(victim, 'mine');
      const cwd = readdirSync('.');
      // Left by a connection that is gone: it is swept up, with the listed names in it.
      const dead = '.provision-999999999-0123456789abcdef01234567';
      mkdirSync(join(home, dead));
      const connection = await open({ home, closedFolders: [folder], listedToo: [name] });
      const path = await connection.upload(content, join(folder, 'nginx.conf'));
      expect(readFileSync(path).equals(content)).toBe(true);
      expect(path.startsWith(`${home}/.provision-`)).toBe(true);
      await connection.close();
      expect(readdirSync(home)).toEqual(['victim']);
      expect(readdirSync(folder)).toEqual(['victim']);
      expect(readdirSync(outside)).toEqual(['victim']);
      expect(readdirSync('.')).toEqual(cwd);
    },
  );

  test.each(
    ['../../x', 'relative', '', '/nul\0', '/line\nbreak', '/a/../../etc', `/${'x'.repeat(5000)}`].map(
      (name) => [name.slice(0, 60), name],
    ),
  )('%j as the home folder is not used; the file travels through the shell', async (_shown, home = '') => {
    const [folder, shellHome] = [makeFolder(), makeFolder()];
    const cwd = readdirSync('.');
    const connection = await open(
      { home, closedFolders: [folder] },
      { server: { env: { HOME: shellHome } } },
    );
    const path = await connection.upload(content, join(folder, 'nginx.conf'));
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(path.startsWith(folder)).toBe(true);
    expect(readdirSync('.')).toEqual(cwd);
  });
});

describe('F12, G7: a server that never answers', () => {
  const cases: [FileRequest, 'beside' | 'private'][] = [
    ['OPEN', 'beside'],
    ['WRITE', 'beside'],
    ['CLOSE', 'beside'],
    ['REALPATH', 'private'],
    ['OPENDIR', 'private'],
    ['READDIR', 'private'],
    ['MKDIR', 'private'],
    ['OPEN', 'private'],
    ['WRITE', 'private'],
    ['CLOSE', 'private'],
  ];
  test.each(cases)('%s, on the way %s, is given up in time, and nothing is replaced', async (kind, way) => {
    const [home, folder] = [makeFolder(), makeFolder()];
    const target = join(folder, 'nginx.conf');
    writeFileSync(target, 'old');
    const connection = await open(
      { home, silentAt: [kind], ...(way === 'private' && { closedFolders: [folder] }) },
      { uploadStallMs: 150 },
    );
    const [problem] = await connection.upload(content, target).then(
      () => [undefined],
      (error: unknown) => problemsOf(error),
    );
    expect(problem).toMatchObject({ code: 'STEP_TIMEOUT', hostState: 'nothing was replaced' });
    expect(problem?.happened).toContain('got no answer for 0.15 s');
    expect(readFileSync(target, 'utf8')).toBe('old');
    expect(readdirSync(folder).length + readdirSync(home).length).toBeLessThanOrEqual(2);
  });
});

describe('what is not there cannot be attacked', () => {
  const sources = ['src', 'playbooks', 'templates'].flatMap((folder) => {
    const root = fileURLToPath(new URL(`../../../${folder}/`, import.meta.url));
    return readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|conf|mustache)$/.test(name) && !/\.test\.ts$|\/testing\//.test(name))
      .map((name) => ({ name: `${folder}/${name}`, text: readFileSync(join(root, name), 'utf8') }));
  });
  // Words in a comment are no program; names of settings such as `--rsync` would be.
  const withoutComments = (text: string) => text.replace(/^\s*(\/?\*|\/\/|#).*$/gm, '');
  const users = (pattern: RegExp) =>
    sources.filter(({ text }) => pattern.test(withoutComments(text))).map(({ name }) => name);

  test('S22: no scp, no rsync, and nothing of ssh2-sftp-client that fetches by names of the server', () => {
    expect(sources.length).toBeGreaterThan(100);
    expect(users(/\b(scp|rsync)\b/)).toEqual([]);
    expect(users(/\.(downloadDir|uploadDir|fastGet|get|fastPut)\([^)]*,[^)]*\)/)).not.toContain(
      'src/ssh/files/sftp.ts',
    );
    expect(users(/from 'ssh2-sftp-client'/)).toEqual(['src/ssh/files/sftp.ts']);
  });

  test('S21: no archive is unpacked, on neither side', () => {
    expect(users(/\b(tar\s+-?[a-z]*x|unzip|cpio|bsdtar|7z|ar\s+x)\b/)).toEqual([]);
    expect(users(/from '(tar|tar-stream|unzipper|adm-zip|yauzl)'/)).toEqual([]);
  });
});
