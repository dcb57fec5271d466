import { connect as connectTcp, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { AuthContext } from 'ssh2';
import { afterEach, expect, test } from 'vitest';
import { problemsOf } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';
import type { ConnectOptions } from '../connect.ts';
import { connect } from '../connect.ts';
import { startFaultProxy } from '../testing/fault-proxy.ts';
import type { SshTarget } from '../target.ts';
import { loopback, makeFolder, removeFolders, trusting } from '../testing/loopback.ts';
import { makeKey } from '../testing/make-key.ts';
import type { SshServerOptions } from '../testing/ssh-server-options.ts';
import type { SshServer } from '../testing/ssh-server.ts';
import { password, startSshServer } from '../testing/ssh-server.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  removeFolders();
});

async function start(options: SshServerOptions = {}): Promise<SshServer> {
  const server = await startSshServer(options);
  closing.push(() => server.close());
  return server;
}

async function outcome(
  server: SshServer,
  more: Partial<SshTarget> = {},
  options: Partial<ConnectOptions> = {},
) {
  const target = loopback(server.port, more);
  return reach(target, trusting([[target.port, server.hostKey]], options));
}

async function reach(target: SshTarget, options: ConnectOptions) {
  try {
    const connection = await connect(target, options);
    await connection.close();
    return { code: 'connected', happened: '', remedy: '' };
  } catch (error) {
    return problemsOf(error)[0];
  }
}

/** A server that speaks before anybody asks, and its port. */
async function speaking(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const wrong = new Secret('cnry_wrong', 'password');

test('S46: a wrong password is tried once, and the host is not asked again', async () => {
  const server = await start();
  const problem = await outcome(server, { password: wrong });
  expect(problem).toMatchObject({ code: 'AUTH', hostState: 'host untouched' });
  expect(problem.happened).toContain('tried the password; the host offers password');
  expect(JSON.stringify(problem)).not.toContain('cnry_wrong');
  expect(server.log).toEqual(['auth none', 'auth password']);
});

test('a password goes by the method that the host has, whatever the words of its question', async () => {
  const authenticate = (attempt: AuthContext) => {
    if (attempt.method !== 'keyboard-interactive') return void attempt.reject(['keyboard-interactive']);
    attempt.prompt([{ prompt: 'パスワード: ', echo: false }], ([answer]) => {
      if (answer === password) attempt.prompt([], () => attempt.accept());
      else attempt.reject();
    });
  };
  expect(await outcome(await start({ authenticate }))).toMatchObject({ code: 'connected' });
});

test.each([
  ['one that is shown while typed', [{ prompt: 'Password: ', echo: true }]],
  [
    'two at once',
    [
      { prompt: 'Password: ', echo: false },
      { prompt: 'Code: ', echo: false },
    ],
  ],
])('a question that is not a password is not answered: %s', async (_name, prompts) => {
  const answers: string[] = [];
  const authenticate = (attempt: AuthContext) => {
    if (attempt.method !== 'keyboard-interactive') return void attempt.reject(['keyboard-interactive']);
    attempt.prompt(prompts, (given) => answers.push(...given));
  };
  const problem = await outcome(await start({ authenticate }));
  expect(problem).toMatchObject({ code: 'AUTH' });
  expect(problem.happened).toContain('asks "Password:"');
  expect(answers).toEqual([]);
});

test('a second question after the password is not answered', async () => {
  const answers: string[][] = [];
  const authenticate = (attempt: AuthContext) => {
    if (attempt.method !== 'keyboard-interactive') return void attempt.reject(['keyboard-interactive']);
    attempt.prompt([{ prompt: 'Password: ', echo: false }], (first) => {
      answers.push(first);
      attempt.prompt([{ prompt: 'Verification code: ', echo: false }], (second) => answers.push(second));
    });
  };
  const problem = await outcome(await start({ authenticate }));
  expect(problem.happened).toContain('Verification code:');
  expect(answers).toEqual([[password]]);
});

test('a password that has expired is said so', async () => {
  const authenticate = (attempt: AuthContext) => {
    if (attempt.method !== 'password') return void attempt.reject(['password']);
    attempt.requestChange('Your password has expired', () => attempt.reject());
  };
  const problem = await outcome(await start({ authenticate }));
  expect(problem).toMatchObject({ code: 'AUTH' });
  expect(problem.happened).toContain('expired');
});

test('a key logs in; nothing else is tried when it does', async () => {
  const pair = makeKey();
  const keyFile = join(makeFolder(), 'id');
  writeFileSync(keyFile, pair.private, { mode: 0o600 });
  const authenticate = (attempt: AuthContext) => {
    if (attempt.method === 'publickey' && attempt.key.data.equals(pair.public)) attempt.accept();
    else attempt.reject(['publickey', 'password']);
  };
  const server = await start({ authenticate });
  expect(await outcome(server, { keyFile })).toMatchObject({ code: 'connected' });
  expect(new Set(server.log.filter((entry) => entry.startsWith('auth')))).toEqual(
    new Set(['auth publickey']),
  );
});

test('a key file that cannot be used is found before anything is contacted', async () => {
  const server = await start();
  const problem = await outcome(server, { keyFile: '/does/not/exist' });
  expect(problem).toMatchObject({ code: 'KEY_FILE', host: 'web-1' });
  expect(server.log).toEqual([]);
});

const hasAgent = spawnSync('ssh-agent', ['-h']).error === undefined;

test.skipIf(!hasAgent)(
  'S46: an agent shows the host a few keys, and only the named one when there is a key file (needs ssh-agent)',
  async () => {
    const folder = makeFolder();
    const agent = join(folder, 'agent');
    const daemon = spawn('ssh-agent', ['-D', '-a', agent]);
    closing.push(() => daemon.kill());
    await new Promise((resolve) => daemon.stdout.once('data', resolve));
    for (let index = 0; index < 10; index++) {
      spawnSync('ssh-keygen', [
        '-q',
        '-t',
        'ed25519',
        '-N',
        index === 7 ? 'secret' : '',
        '-f',
        join(folder, `id${index}`),
      ]);
      const askpass = join(folder, 'askpass');
      writeFileSync(askpass, '#!/bin/sh\necho secret\n', { mode: 0o700 });
      const env = {
        PATH: '/usr/bin:/bin',
        SSH_AUTH_SOCK: agent,
        SSH_ASKPASS: askpass,
        SSH_ASKPASS_REQUIRE: 'force',
      };
      spawnSync('ssh-add', ['-q', join(folder, `id${index}`)], { env });
    }
    const seen = new Set<string>();
    const authenticate = (attempt: AuthContext) => {
      if (attempt.method === 'publickey') seen.add(attempt.key.data.toString('hex'));
      if (attempt.method === 'publickey' && attempt.signature) attempt.accept();
      else if (attempt.method === 'publickey' && seen.size > 3) attempt.accept();
      else attempt.reject(['publickey']);
    };
    const server = await start({ authenticate });
    const { password: _none, ...withoutPassword } = loopback(server.port);
    const options = trusting([[server.port, server.hostKey]]);
    expect(await reach({ ...withoutPassword, agent }, options)).toMatchObject({ code: 'connected' });
    expect(seen.size).toBe(4);
    seen.clear();
    await reach({ ...withoutPassword, agent, keyFile: join(folder, 'id7') }, options);
    expect(seen.size).toBe(1);
    expect(await reach({ ...withoutPassword, agent: join(folder, 'nobody') }, options)).toMatchObject({
      code: 'AUTH',
    });
  },
);

test('a port where nothing listens is CONN_REFUSED after some attempts', async () => {
  const problem = await reach(loopback(1), trusting([]));
  expect(problem).toMatchObject({
    code: 'CONN_REFUSED',
    happened: '127.0.0.1:1 refused the connection (4 attempts)',
  });
});

test('F05: a name without an address is DNS', async () => {
  const problem = await reach({ ...loopback(22), address: 'no-such-host.invalid' }, trusting([]));
  expect(problem).toMatchObject({ code: 'DNS', hostState: 'host untouched' });
  expect(problem.happened).toContain('no-such-host.invalid');
}, 20_000);

test.each([
  ['says nothing', () => undefined, 'CONN_TIMEOUT'],
  ['drips', (socket: Socket) => void setInterval(() => socket.write('x'), 50).unref(), 'CONN_TIMEOUT'],
  ['speaks HTTP', (socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\u001b[31mred'), 'NOT_SSH'],
  ['speaks without end', (socket: Socket) => void socket.write('y'.repeat(1_000_000)), 'NOT_SSH'],
  ['stops after its identification', (socket: Socket) => socket.end('SSH-2.0-x\r\n'), 'CONN_LOST'],
  ['speaks an old protocol', (socket: Socket) => socket.end('SSH-1.5-old\r\n'), 'CONN_LOST'],
])('a server that %s', async (_name, onConnection, code) => {
  const port = await speaking(onConnection);
  const started = performance.now();
  const problem = await reach(loopback(port), trusting([], { connectTimeoutMs: 700 }));
  expect(problem.code).toBe(code);

  expect(problem.happened).not.toMatch(/[\x00-\x1f]/);
  expect(performance.now() - started).toBeLessThan(10_000);
});

test.each(['Exceeded MaxStartups\r\n', ''])('a server that sheds load is tried again: %j', async (words) => {
  const server = await start();
  let turns = 0;
  const port = await speaking((socket) => {
    if (++turns < 3) return void socket.end(words);
    const peer = connectTcp(server.port, '127.0.0.1');
    socket.pipe(peer).pipe(socket);
  });
  expect(await reach(loopback(port), trusting([[port, server.hostKey]]))).toMatchObject({
    code: 'connected',
  });
  expect(turns).toBe(3);
});

test('F10: a host without common algorithms is ALGORITHM', async () => {
  const server = await start({ algorithms: { kex: ['diffie-hellman-group1-sha1'] } });
  const problem = await outcome(server);
  expect(problem).toMatchObject({ code: 'ALGORITHM' });
  expect(problem.happened).toContain('key exchange');
});

test('one bit turned over anywhere in the handshake is an error, never a connection', async () => {
  const server = await start();
  for (let atByte = 30; atByte < 3000; atByte += 97) {
    const proxy = await startFaultProxy(server.port);
    proxy.fault = { kind: 'flip', atByte };
    const options = trusting([[proxy.port, server.hostKey]], { connectTimeoutMs: 1000 });
    const { code } = await reach(loopback(proxy.port), options);
    if (proxy.bytes > atByte) expect([atByte, code]).not.toEqual([atByte, 'connected']);
    await proxy.close();
  }
}, 60_000);
