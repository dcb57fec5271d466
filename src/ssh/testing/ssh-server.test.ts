import { connect as connectTcp } from 'node:net';
import ssh2 from 'ssh2';
import type { ClientChannel, ConnectConfig, SFTPWrapper } from 'ssh2';
import { afterEach, expect, test } from 'vitest';
import { hostileFileNames } from './hostile-file-names.ts';
import { makeKey } from './make-key.ts';
import { startSshServer } from './ssh-server.ts';
import type { Greeting, Moment, SshServerOptions } from './ssh-server-options.ts';

// Seen through the bare client: what the server does must not depend on what ours makes of it.

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(options: SshServerOptions = {}) {
  const server = await startSshServer(options);
  closing.push(() => server.close());
  return server;
}

/** How far a client gets, and the host key and the banner that it sees on its way. */
async function visit(port: number, password: string, config: ConnectConfig = {}) {
  const seen = { reached: 'connect', key: '', banner: '', output: '' };
  const client = new ssh2.Client();
  closing.push(() => client.destroy());
  const gone = new Promise<void>((resolve) => client.on('close', () => resolve()));
  client.on('error', () => undefined);
  client.on('banner', (text) => (seen.banner = text));
  const ready = new Promise<void>((resolve) => client.once('ready', () => resolve()));
  client.connect({
    host: '127.0.0.1',
    port,
    username: 'deploy',
    password,
    readyTimeout: 0,
    hostVerifier: (key: Buffer) => {
      seen.key = key.toString('base64');
      seen.reached = 'handshake';
      return true;
    },
    ...config,
  });
  return { client, seen, gone, ready };
}

test('a command runs, and its exit code comes back', async () => {
  const server = await start();
  const { client, ready } = await visit(server.port, server.password);
  await ready;
  const channel = await new Promise<ClientChannel>((resolve, reject) =>
    client.exec('echo out; exit 3', (error, stream) => (error ? reject(error) : resolve(stream))),
  );
  let output = '';
  channel.on('data', (chunk: Buffer) => (output += chunk.toString()));
  expect(await new Promise((resolve) => channel.on('exit', resolve))).toBe(3);
  expect(output).toBe('out\n');
  expect(server.log).toEqual(['auth none', 'auth password', 'exec echo out; exit 3']);
});

test.each<[Greeting, RegExp, boolean]>([
  ['silence', /^$/, true],
  ['version-then-silence', /^SSH-2\.0-/, true],
  ['http', /^HTTP\/1\.1 400/, false],
  ['garbage', /^[^]{4096}$/, true],
  ['long-line', /^x{1048576}$/, true],
  ['endless-lines', /^welcome [^]{2000000}/, true],
  ['busy', /^Exceeded MaxStartups\r\n$/, false],
])('the greeting %s', async (greeting, text, staysOpen) => {
  const server = await start({ greeting });
  const socket = connectTcp(server.port, '127.0.0.1');
  closing.push(() => socket.destroy());
  let heard = '';
  const ended = new Promise<boolean>((resolve) => socket.on('end', () => resolve(false)));
  await new Promise((resolve) => socket.once('connect', resolve));
  const complete = new Promise<boolean>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1');
      if (staysOpen && text.test(heard)) resolve(true);
    });
    if (text.test('')) resolve(true);
  });
  expect(await Promise.race([ended, complete])).toBe(staysOpen);
  expect(heard).toMatch(text);
});

test.each<[Moment, string]>([
  ['connect', 'connect'],
  ['handshake', 'handshake'],
  ['login', 'handshake'],
  ['ready', 'ready or not'],
  ['session', 'ready'],
  ['exec', 'ready'],
  ['output', 'output'],
  ['sftp', 'ready'],
])('the connection is dropped at: %s', async (dropAt, reached) => {
  const server = await start({ dropAt });
  const { client, seen, gone, ready } = await visit(server.port, server.password);
  const work = ready.then(() => {
    seen.reached = 'ready';
    if (dropAt === 'sftp') client.sftp(() => undefined);
    else
      client.exec('echo out; sleep 60', (_error, stream) => {
        // There is none when the connection is dropped before.
        (stream as ClientChannel | undefined)?.on('data', () => (seen.reached = 'output'));
      });
  });
  await gone;
  if (dropAt === 'ready') return;
  if (['session', 'exec', 'output', 'sftp'].includes(dropAt)) await work;
  expect(seen.reached).toBe(reached);
});

test('the connection is dropped in the middle of an upload', async () => {
  const server = await start({ dropAt: 'upload' });
  const { client, gone, ready } = await visit(server.port, server.password);
  await ready;
  client.sftp((_error, sftp) => {
    sftp.writeFile('/dev/null', Buffer.alloc(1_000_000), () => undefined);
  });
  await gone;
  expect(server.log.at(-1)).toBe('sftp');
});

test('host keys change with each connection', async () => {
  const keys = [makeKey(), makeKey()];
  const server = await start({ changesHostKey: true, hostKeys: keys.map((key) => key.private) });
  const seen: string[] = [];
  for (let visits = 0; visits < 3; visits++) {
    const visitor = await visit(server.port, server.password);
    await visitor.ready;
    seen.push(visitor.seen.key);
  }
  const [first, second] = keys.map((key) => key.public.toString('base64'));
  expect(seen).toEqual([first, second, first]);
});

test('anybody is let in without any proof', async () => {
  const server = await start({ letsAnybodyIn: true, banner: 'welcome\n' });
  const { ready, seen } = await visit(server.port, 'wrong');
  await ready;
  expect(server.log).toEqual(['auth none']);
  expect(seen.banner).toContain('welcome');
});

test.each(['stdout', 'stderr'] as const)('commands flood %s', async (flood) => {
  const server = await start({ flood, noise: { [flood]: 'first ' } });
  const { client, ready } = await visit(server.port, server.password);
  await ready;
  const first = await new Promise<string>((resolve) => {
    let bytes = 0;
    let start = '';
    client.exec('true', (_error, channel) => {
      const stream = flood === 'stdout' ? channel : channel.stderr;
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        start ||= chunk.toString();
        if (bytes > 3_000_000) resolve(start);
      });
    });
  });
  expect(first.startsWith('first ')).toBe(true);
});

test('a deaf host accepts commands and does not run them', async () => {
  const server = await start({ deaf: true });
  const { client, ready } = await visit(server.port, server.password);
  await ready;
  await new Promise<void>((resolve) => client.exec('exit 0', () => resolve()));
  expect(server.log.at(-1)).toBe('exec exit 0');
});

test('folders hold hostile names', async () => {
  const server = await start({ sftpNames: hostileFileNames });
  const { client, ready } = await visit(server.port, server.password);
  await ready;
  const sftp = await new Promise<SFTPWrapper>((resolve, reject) =>
    client.sftp((error, session) => (error ? reject(error) : resolve(session))),
  );
  const names = await new Promise<string[]>((resolve, reject) =>
    sftp.readdir('/tmp', (error, entries) =>
      error ? reject(error) : resolve(entries.map(({ filename }) => filename)),
    ),
  );
  // The client leaves these two out by itself.
  expect(names).toEqual(hostileFileNames.filter((name) => name !== '.' && name !== '..'));
});

test('all connections can be dropped', async () => {
  const server = await start();
  const { gone, ready } = await visit(server.port, server.password);
  await ready;
  server.disconnect();
  await gone;
  expect(server.connections.size).toBe(0);
});
