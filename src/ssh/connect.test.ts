import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { problemsOf } from '../core/errors.ts';
import { sh } from '../core/script.ts';
import { Secret } from '../core/secret.ts';
import type { Connection } from '../host/connection.ts';
import type { ConnectOptions } from './connect.ts';
import { connect } from './connect.ts';
import type { SshTarget } from './target.ts';
import { loopback, makeFolder, removeFolders, trusting } from './testing/loopback.ts';
import type { SshServerOptions } from './testing/ssh-server-options.ts';
import type { SshServer } from './testing/ssh-server.ts';
import { destroy, startSshServer } from './testing/ssh-server.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  removeFolders();
});

const quick = { timeoutMs: 5000, doing: 'test' };

async function start(options: SshServerOptions = {}): Promise<SshServer> {
  const server = await startSshServer(options);
  closing.push(() => server.close());
  return server;
}

async function open(
  server: SshServer,
  target: Partial<SshTarget> = {},
  options: Partial<ConnectOptions> = {},
): Promise<Connection> {
  const connection = await connect(
    loopback(server.port, target),
    trusting([[server.port, server.hostKey]], options),
  );
  closing.push(() => connection.close());
  return connection;
}

/** Loose, so that problems can be compared with matchers. */
async function problemOf(work: Promise<unknown>): Promise<unknown> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeDefined();
  return problemsOf(error)[0];
}

test('a script is answered with its exit status and both outputs', async () => {
  const connection = await open(await start());
  const script = sh`printf 'no newline'; echo ${"it's"} >&2; exit 7`;
  expect(await connection.execute(script, quick)).toEqual({
    code: 7,
    stdout: 'no newline',
    stderr: "it's\n",
  });
});

test('scripts of one turn are answered in their order, and what one of them does to its shell does not touch the next', async () => {
  const connection = await open(await start());
  const scripts = [
    sh`cd /tmp; x=1; pwd`,
    sh`pwd; echo "$x"`,
    sh`exit 3`,
    sh`if`,
    sh`exec true`,
    sh`set -e; false; echo no`,
    sh`cat`,
  ];
  const answers = await Promise.all(scripts.map((script) => connection.execute(script, quick)));
  expect(answers.map(({ code, stdout }) => [code, stdout])).toEqual([
    [0, '/tmp\n'],
    [0, '/\n\n'],
    [3, ''],
    [2, ''],
    [0, ''],
    [1, ''],
    [0, ''],
  ]);
});

test('scripts of one turn share one round trip', async () => {
  const server = await start();
  const connection = await open(server);
  let chunks = 0;
  const [client] = server.connections;
  (client as unknown as { _sock: NodeJS.EventEmitter })._sock.on('data', () => chunks++);
  await Promise.all(Array.from({ length: 50 }, (_, index) => connection.execute(sh`echo ${index}`, quick)));
  expect(chunks).toBeLessThanOrEqual(3);
});

test('standard input reaches the script exactly, secrets and zero bytes too', async () => {
  const connection = await open(await start());
  for (const stdin of [
    '',
    'plain',
    'quotes \' " \\ $HOME `id` \n\n',
    'häß 😀 \r\t\x01',
    'zero\0byte',
    'x'.repeat(300_000),
  ]) {
    const { stdout } = await connection.execute(sh`cat`, { ...quick, stdin });
    expect(stdout).toBe(stdin);
  }
  const { stdout } = await connection.execute(sh`cat; ps -ef`, {
    ...quick,
    stdin: new Secret('cnry_1234', 'canary'),
  });
  expect(stdout.startsWith('cnry_1234')).toBe(true);
  expect(stdout.lastIndexOf('cnry_1234')).toBe(0);
});

test('the command line is constant: nothing of a script or of the inventory is in it', async () => {
  const server = await start();
  const connection = await open(server);
  await connection.execute(sh`echo ${'cnry_1234'}`, quick);
  const [command, ...more] = server.log.filter((entry) => entry.startsWith('exec'));
  expect(more).toEqual([]);
  expect(command?.replace(/[0-9a-f]{32}/g, 'NONCE')).toBe(
    "exec exec /bin/sh -c 'LC_ALL=C PATH=${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; " +
      'export LC_ALL PATH; unset LD_PRELOAD LD_LIBRARY_PATH; echo NONCE-begin; echo NONCE-begin >&2; ' +
      "echo NONCE-ready; exec /bin/sh -s'",
  );
});

test('what a login shell prints before ours does not reach an answer', async () => {
  const server = await start({ env: { ENV: '/dev/null', LANG: 'de_DE.UTF-8' } });
  const connection = await open(server);
  const { stdout } = await connection.execute(
    sh`umask; pwd; echo "$LC_ALL$LANG"; command -v fdisk || command -v chroot`,
    quick,
  );
  expect(stdout).toMatch(/^0?077\n\/\nC\n\/.*sbin/);
});

test('a script that takes too long is ended with all its children, and the shell goes on', async () => {
  const connection = await open(await start());
  const marker = join(makeFolder(), 'pid');
  const hung = connection.execute(
    sh`sh -c 'trap "" TERM; sleep 1000 & echo $! >${marker}; wait; sleep 1000'`,
    {
      timeoutMs: 300,
      doing: 'apt-get update',
    },
  );
  const behind = connection.execute(sh`echo alive`, quick);
  expect(await problemOf(hung)).toMatchObject({
    code: 'STEP_TIMEOUT',
    host: 'web-1',
    happened: '"apt-get update" did not end within 0.3 s',
    hostState: 'its processes were ended',
  });
  expect(await behind).toMatchObject({ code: 0, stdout: 'alive\n' });
  // A process that was sent SIGKILL needs a moment to go on a machine that is busy.
  await vi.waitFor(() => expect(isRunning(readFileSync(marker, 'utf8').trim())).toBe(false), 5000);
});

function isRunning(pid: string): boolean {
  // A process that nobody waits for stays in the list as a zombie.
  return existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

test('without room for a second session a hung script is ended from a second connection, and what was behind it runs once', async () => {
  const connection = await open(await start({ maxSessions: 1 }));
  const counter = join(makeFolder(), 'count');
  const hung = connection.execute(sh`sleep 1000`, { timeoutMs: 300, doing: 'sleep' });
  const behind = connection.execute(sh`echo x >>${counter}; wc -l <${counter}`, quick);
  expect(await problemOf(hung)).toMatchObject({ code: 'STEP_TIMEOUT' });
  expect((await behind).stdout.trim()).toBe('1');
});

test('a script that kills its shell has an unknown outcome, and the next one gets a new shell', async () => {
  const connection = await open(await start());
  const problem = await problemOf(connection.execute(sh`kill -9 $$; sleep 5`, { ...quick, doing: 'odd' }));
  expect(problem).toMatchObject({ code: 'CONN_LOST', hostState: 'outcome unknown' });
  expect(await connection.execute(sh`echo alive`, quick)).toMatchObject({ stdout: 'alive\n' });
});

test('256 kB come back unchanged, more is cut in the middle, and memory stays bounded', async () => {
  const connection = await open(await start());
  const exact = await connection.execute(sh`head -c 262144 /dev/zero | tr '\\0' x | base64`, quick);
  expect(Buffer.from(exact.stdout, 'base64')).toHaveLength(262144);
  const before = process.memoryUsage().rss;
  const flood = await connection.execute(sh`echo first; yes 'ä' | head -c 60000000; echo last`, {
    ...quick,
    timeoutMs: 30_000,
  });
  expect(flood.stdout.length).toBeLessThan(600_000);
  expect(flood.stdout).toMatch(/^first\n[^]*\n\[… \d{8} bytes left out …\]\n[^]*last\n$/);
  expect(flood.stdout).not.toContain('\ufffd');
  expect(process.memoryUsage().rss - before).toBeLessThan(128 * 1024 * 1024);
}, 30_000);

test.each(['sftp', 'shell'] as const)(
  'an upload through %s is a new file with mode 0600 beside its target',
  async (way) => {
    const connection = await open(await start({ sftp: way === 'sftp' }));
    const near = join(makeFolder(), 'nginx.conf');
    writeFileSync(near, 'old');
    const content = Buffer.from(Array.from({ length: 1_300_000 }, (_, index) => index % 251));
    const path = await connection.upload(content, near);
    expect(dirname(path)).toBe(dirname(near));
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(near, 'utf8')).toBe('old');
    expect(readFileSync(await connection.upload(Buffer.alloc(0), near))).toHaveLength(0);
  },
);

test('where the login user may not write, the upload is in a private folder, which is removed at the end', async () => {
  const connection = await open(await start());
  const path = await connection.upload(Buffer.from('secret'), '/proc/nobody/can/write.here');
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
  expect(dirname(path)).not.toBe('/tmp');
  await connection.close();
  expect(existsSync(dirname(path))).toBe(false);
});

test('where SFTP shows other files than the shell has, uploads travel through the shell', async () => {
  const [sftpRoot, folder] = [makeFolder(), makeFolder()];
  mkdirSync(join(sftpRoot, folder), { recursive: true });
  const connection = await open(await start({ sftpRoot }));
  const path = await connection.upload(Buffer.from('content'), join(folder, 'x'));
  expect(readFileSync(path, 'utf8')).toBe('content');
  expect(readdirSync(join(sftpRoot, folder))).toEqual([]);
});

test('a host with room for one session gets its uploads through the shell, and says so to who asks', async () => {
  const notes: string[] = [];
  const connection = await open(await start({ maxSessions: 1 }), {}, { onDebug: (text) => notes.push(text) });
  const path = await connection.upload(Buffer.from('content'), join(makeFolder(), 'x'));
  expect(readFileSync(path, 'utf8')).toBe('content');
  expect(notes).toEqual([containing('no SFTP')]);
});

test('dial reaches a service from the host, and tells refused from forbidden', async () => {
  const service = createServer((socket) => socket.end('hello'));
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => service.close(() => resolve())));
  const { port } = service.address() as AddressInfo;

  const open1 = await open(await start());
  expect(await textOf(await open1.dial('127.0.0.1', port, 2000))).toBe('hello');
  expect(await problemOf(open1.dial('127.0.0.1', 1, 2000))).toMatchObject({
    code: 'CONN_REFUSED',
    happened: containing('127.0.0.1:1'),
  });

  const server = await start({ forwarding: false });
  const open2 = await open(server);
  expect(await textOf(await open2.dial('127.0.0.1', port, 2000))).toBe('hello');
  expect(server.log).toContain(`forward 127.0.0.1:${port}`);
  expect(await problemOf(open2.dial('192.0.2.1', port, 2000))).toMatchObject({
    code: 'CONN_REFUSED',
    remedy: containing('AllowTcpForwarding'),
  });
});

function containing(text: string): unknown {
  return expect.stringContaining(text);
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('a connection that dies ends everything that waits, with CONN_LOST and nothing else', async () => {
  const server = await start();
  const connection = await open(server);
  const waiting = [
    connection.execute(sh`sleep 100`, { ...quick, doing: 'apt-get install nginx' }),
    connection.execute(sh`echo behind`, quick),
    connection.upload(Buffer.alloc(20_000_000), join(makeFolder(), 'x')),
  ];
  await new Promise((resolve) => setTimeout(resolve, 100));
  server.connections.forEach(destroy);
  for (const work of waiting)
    expect(await problemOf(work)).toMatchObject({ code: 'CONN_LOST', hostState: 'outcome unknown' });
  expect(await problemOf(connection.execute(sh`true`, quick))).toMatchObject({ code: 'CONN_LOST' });
  expect(await problemOf(connection.dial('127.0.0.1', 1, 100))).toMatchObject({ code: 'CONN_LOST' });
});

test('close ends what runs, can be called again, and never takes long', async () => {
  const server = await start();
  const connection = await open(server);
  const running = problemOf(connection.execute(sh`sleep 100`, quick));
  const started = performance.now();
  await connection.close();
  await connection.close();
  expect(performance.now() - started).toBeLessThan(4500);
  expect(await running).toMatchObject({
    code: 'CONN_LOST',
    happened: containing('closed from here'),
  });
});

test('a login shell that is none is said so', async () => {
  const server = await start({
    onExec: (_command, channel) => {
      channel.write('This account is currently not available.\n');
      channel.exit(1);
      channel.end();
    },
  });
  expect(await problemOf(open(server))).toMatchObject({
    code: 'NO_SHELL',
    happened: containing('This account is currently not available.'),
    remedy: containing('chsh'),
  });
});

test('a connection can be given up while it is being made', async () => {
  const server = await start({ onExec: () => undefined });
  const giveUp = new AbortController();
  const opening = open(server, {}, { signal: giveUp.signal });
  setTimeout(() => giveUp.abort(new Error('interrupted')), 200);
  await expect(opening).rejects.toThrow('interrupted');
});

test('many uploads and dials share few channels', async () => {
  const server = await start({ maxSessions: 2 });
  const connection = await open(server);
  const folder = makeFolder();
  mkdirSync(join(folder, 'in'));
  await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      connection.upload(Buffer.from(`${index}`), join(folder, 'in', 'x')),
    ),
  );
  expect(readdirSync(join(folder, 'in'))).toHaveLength(30);
  expect(server.log.filter((entry) => entry === 'sftp')).toHaveLength(1);
});
