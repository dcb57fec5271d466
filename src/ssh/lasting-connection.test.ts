import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { problemsOf } from '../core/errors.ts';
import { sh } from '../core/script.ts';
import { Secret } from '../core/secret.ts';
import type { LastingConnection, LastingOptions, Regained } from './lasting-connection.ts';
import { connectLasting } from './lasting-connection.ts';
import type { SshTarget } from './target.ts';
import type { FaultProxy } from './testing/fault-proxy.ts';
import { startFaultProxy } from './testing/fault-proxy.ts';
import { loopback, makeFolder, removeFolders, trusting } from './testing/loopback.ts';
import type { SshServer, SshServerOptions } from './testing/ssh-server.ts';
import { startSshServer } from './testing/ssh-server.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  removeFolders();
});

const quick = { timeoutMs: 10_000, doing: 'test' };
const keepalive = { intervalMs: 100, countMax: 3 };

async function start(options: SshServerOptions = {}): Promise<SshServer> {
  const server = await startSshServer(options);
  closing.push(() => server.close());
  return server;
}

interface Line {
  readonly connection: LastingConnection;
  readonly proxy: FaultProxy;
  /** Where the proxy leads to. */
  readonly target: { port: number };
  readonly server: SshServer;
  /** What was told, in order. */
  readonly told: string[];
  readonly regained: Regained[];
}

/** A connection through a proxy that can hurt it. */
async function open(
  options: Partial<LastingOptions> = {},
  more: Partial<SshTarget> = {},
  serverOptions: SshServerOptions = {},
): Promise<Line> {
  const server = await start(serverOptions);
  const target = { host: '127.0.0.1', port: server.port };
  const proxy = await startFaultProxy(target);
  closing.push(() => proxy.close());
  const told: string[] = [];
  const regained: Regained[] = [];
  const connection = await connectLasting(loopback(proxy.port, more), {
    ...trusting([[proxy.port, server.hostKey]]),
    keepalive,
    reconnectMs: 30_000,
    progress: (text) => told.push(text),
    onLost: () => told.push('lost'),
    onRegained: (how) => void (told.push('regained'), regained.push(how)),
    ...options,
  });
  closing.push(() => connection.close());
  return { connection, proxy, target, server, told, regained };
}

/** The fault strikes with the next byte. */
function strike(proxy: FaultProxy, kind: 'cut' | 'reset' | 'blackhole'): void {
  proxy.fault = { kind, afterBytes: proxy.bytes + 1 };
}

async function problemOf(work: Promise<unknown>): Promise<unknown> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeDefined();
  return problemsOf(error)[0];
}

describe('a line that breaks', () => {
  test.each([['cut'], ['reset'], ['blackhole']] as const)(
    'F11, F15: %s in the middle of a script: its outcome is unknown, and the next one goes on',
    async (kind) => {
      const { connection, proxy, told, regained } = await open();
      const work = problemOf(connection.execute(sh`sleep 1; echo done`, quick));
      strike(proxy, kind);
      // Keepalive finds out about a blackhole; the others need a byte to strike at, which keepalive sends, too.
      expect(await work).toMatchObject({
        code: 'CONN_LOST',
        host: 'web-1',
        hostState: 'outcome unknown',
        remedy: expect.stringContaining('run again') as string,
      });
      proxy.fault = { kind: 'none' };
      expect(connection.losses).toBe(1);
      expect(await connection.execute(sh`echo on`, quick)).toMatchObject({ stdout: 'on\n' });
      expect(connection.losses).toBe(1);
      expect(told).toEqual([
        'lost',
        'connection lost; reaching it again, 0 s of at most 30 s',
        ...told.slice(2, -1),
        'regained',
      ]);
      // The line broke before the first start of the host was known.
      expect(regained).toEqual([{ afterMs: expect.any(Number) as number, rebooted: undefined }]);
    },
  );

  test('F11: while nothing is under way is only noticed, and mended, by the next call', async () => {
    const { connection, proxy, server } = await open();
    proxy.fault = { kind: 'reset', afterBytes: 0 };
    await expect.poll(() => server.connections.size, { timeout: 10_000 }).toBe(0);
    proxy.fault = { kind: 'none' };
    await expect.poll(async () => (await connection.execute(sh`echo on`, quick)).stdout).toBe('on\n');
    expect(connection.losses).toBe(1);
  });

  test('F11: is mended once for all calls that wait for it', async () => {
    const { connection, proxy, server } = await open();
    strike(proxy, 'reset');
    await problemOf(connection.execute(sh`echo lost`, quick));
    proxy.fault = { kind: 'none' };
    const calls = Array.from({ length: 5 }, (_, index) => connection.execute(sh`echo ${index}`, quick));
    expect((await Promise.all(calls)).map(({ stdout }) => stdout)).toEqual([
      '0\n',
      '1\n',
      '2\n',
      '3\n',
      '4\n',
    ]);
    expect(server.log.filter((entry) => entry === 'auth password')).toHaveLength(2);
  });

  const percents = Array.from({ length: 12 }, (_, index) => index * 8);
  const places = (['cut', 'reset'] as const).flatMap((kind) =>
    percents.map((percent) => [kind, percent] as const),
  );
  test.each(places)(
    'F11, F12: %s after %i percent of the stream of scripts and an upload: each call has its answer or is CONN_LOST, and all come to an end',
    async (kind, percent) => {
      const { connection, proxy } = await open();
      const content = Buffer.from(Array.from({ length: 20_000 }, (_, index) => (index * 7) % 251));
      const near = join(makeFolder(), 'file');
      // Two scripts and 20 kB make about 25 kB.
      proxy.fault = { kind, afterBytes: proxy.bytes + 1 + percent * 240 };
      const insist = async <T>(call: () => Promise<T>): Promise<T> => {
        for (let left = 2; ; left--) {
          try {
            return await call();
          } catch (error) {
            expect(problemsOf(error)[0].code).toBe('CONN_LOST');
            expect(left).toBeGreaterThan(0);
            proxy.fault = { kind: 'none' };
          }
        }
      };
      expect(await insist(() => connection.execute(sh`echo one`, quick))).toMatchObject({ stdout: 'one\n' });
      const path = await insist(() => connection.upload(content, near));
      expect(readFileSync(path).equals(content)).toBe(true);
      expect(await insist(() => connection.execute(sh`echo two`, quick))).toMatchObject({ stdout: 'two\n' });
    },
  );

  test('F11: a lost line is told from a lost service', async () => {
    const { connection, proxy } = await open();
    expect(await problemOf(connection.dial('127.0.0.1', 1, 2000))).toMatchObject({ code: 'CONN_REFUSED' });
    expect(connection.losses).toBe(0);
    strike(proxy, 'reset');
    expect(await problemOf(connection.dial('127.0.0.1', 1, 2000))).toMatchObject({ code: 'CONN_LOST' });
    expect(connection.losses).toBe(1);
  });
});

test('F11: a shell that is killed costs the script that ran in it, and counts as a loss', async () => {
  const { connection } = await open();
  expect(await problemOf(connection.execute(sh`kill -9 $$; sleep 5`, quick))).toMatchObject({
    code: 'CONN_LOST',
    hostState: 'outcome unknown',
  });
  expect(connection.losses).toBe(1);
  expect(await connection.execute(sh`echo on`, quick)).toMatchObject({ stdout: 'on\n' });
});

describe('a host that was lost', () => {
  /** Cuts the line; from now on the port leads to something else. */
  async function lose(line: Line, targetPort: number): Promise<void> {
    strike(line.proxy, 'reset');
    await problemOf(line.connection.execute(sh`echo lost`, quick));
    line.proxy.fault = { kind: 'none' };
    line.target.port = targetPort;
  }

  test('F09, F11: and shows another key is refused at once, told once and never sent a password', async () => {
    const line = await open();
    const other = await start();
    await lose(line, other.port);
    const story = { code: 'HOSTKEY_CHANGED', hostState: 'host untouched, no secret was sent' };
    expect(await problemOf(line.connection.execute(sh`echo on`, quick))).toMatchObject(story);
    expect(await problemOf(line.connection.execute(sh`echo on`, quick))).toMatchObject(story);
    expect(other.log).toEqual([]);
    expect(line.told.filter((text) => text === 'lost')).toHaveLength(1);
  });

  test('F06, F11: and refuses the login is not tried again', async () => {
    let refusing = false;
    const line = await open(
      {},
      {},
      {
        authenticate: (attempt) => (refusing ? attempt.reject(['password']) : attempt.accept()),
      },
    );
    refusing = true;
    await lose(line, line.server.port);
    const before = line.server.log.length;
    expect(await problemOf(line.connection.execute(sh`echo on`, quick))).toMatchObject({ code: 'AUTH' });
    expect(line.server.log.slice(before).filter((entry) => entry === 'auth password')).toHaveLength(1);
  });

  test('F11: and stays away is given up in time, and every later call fails at once', async () => {
    const line = await open({ reconnectMs: 4000 });
    await lose(line, 1);
    const started = performance.now();
    const story = {
      code: 'CONN_LOST',
      happened: expect.stringContaining('could not be reached again within 4 s (last attempt: ') as string,
      hostState: 'the outcome of what was under way is unknown',
    };
    expect(await problemOf(line.connection.execute(sh`echo on`, quick))).toMatchObject(story);
    expect(performance.now() - started).toBeLessThan(30_000);
    const again = performance.now();
    expect(await problemOf(line.connection.upload(Buffer.from('x'), '/tmp/x'))).toMatchObject(story);
    expect(performance.now() - again).toBeLessThan(3000);
  });

  test('F03, F11: and accepts connections but says nothing is given up in time, too', async () => {
    const line = await open({ reconnectMs: 1000 });
    await lose(line, line.server.port);
    line.proxy.fault = { kind: 'blackhole', afterBytes: 0 };
    const started = performance.now();
    expect(await problemOf(line.connection.execute(sh`echo on`, quick))).toMatchObject({ code: 'CONN_LOST' });
    expect(performance.now() - started).toBeLessThan(30_000);
  });

  test('F30: and comes back after a while is waited for', async () => {
    const line = await open();
    await lose(line, 1);
    const work = line.connection.execute(sh`echo on`, quick);
    await expect.poll(() => line.told.length, { timeout: 10_000 }).toBeGreaterThan(2);
    line.target.port = line.server.port;
    expect(await work).toMatchObject({ stdout: 'on\n' });
    expect(line.told).toContainEqual(
      expect.stringMatching(/^connection lost; reaching it again, [1-9]\d* s of at most 30 s$/),
    );
  });

  test('F11: is not tried at all when that is switched off', async () => {
    const line = await open({ reconnectMs: 0 });
    await lose(line, line.server.port);
    expect(await problemOf(line.connection.execute(sh`echo on`, quick))).toMatchObject({
      code: 'CONN_LOST',
      happened: expect.stringContaining('is not to be tried again') as string,
    });
    expect(line.server.log.filter((entry) => entry === 'auth password')).toHaveLength(1);
  });

  test('F27: is not waited for when the run is interrupted', async () => {
    const stop = new AbortController();
    const line = await open({ signal: stop.signal });
    await lose(line, 1);
    const work = problemOf(line.connection.execute(sh`echo on`, quick));
    await expect.poll(() => line.told.length, { timeout: 10_000 }).toBeGreaterThan(2);
    const started = performance.now();
    stop.abort(130);
    expect(await work).toMatchObject({
      code: 'CONN_LOST',
      happened: expect.stringContaining('before the run was stopped') as string,
    });
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test('F27: does not hold up the end of a run', async () => {
    const line = await open();
    await lose(line, 1);
    const work = problemOf(line.connection.execute(sh`echo on`, quick));
    await expect.poll(() => line.told.length, { timeout: 10_000 }).toBeGreaterThan(2);
    const started = performance.now();
    await line.connection.close();
    expect(await work).toMatchObject({ code: 'CONN_LOST' });
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

test.each([
  ['before the password', 'read', 'printf %s "$prompt" >&2; touch "$asked"; sleep 20'],
  ['after the password', 'sent', 'printf %s "$prompt" >&2; IFS= read -r line; touch "$asked"; sleep 20'],
])(
  'F13: dropped at the sudo prompt, %s: CONN_LOST, and the next prompt has another nonce',
  async (_name, _state, ask) => {
    const folder = makeFolder();
    const [asked, prompts] = [join(folder, 'asked'), join(folder, 'prompts')];
    // Hangs the second time that it is asked.
    const sudo = `#!/bin/sh
asked=${asked} prompt=$3
echo "$prompt" >>${prompts}
[ "$(wc -l <${prompts})" != 2 ] || { ${ask}; exit 1; }
printf %s "$prompt" >&2
IFS= read -r line
while [ "$1" != -- ]; do shift; done; shift; exec "$@"
`;
    writeFileSync(join(folder, 'sudo'), sudo);
    chmodSync(join(folder, 'sudo'), 0o755);
    const becomePassword = new Secret('cnry_sudo', 'become password');
    const line = await open(
      {},
      { become: 'sudo', becomePassword },
      { env: { PATH: `${folder}:/usr/bin:/bin` } },
    );
    strike(line.proxy, 'reset');
    await problemOf(line.connection.execute(sh`echo lost`, quick));
    line.proxy.fault = { kind: 'none' };
    const work = line.connection.execute(sh`echo on`, quick);
    await expect.poll(() => existsSync(asked), { timeout: 10_000 }).toBe(true);
    line.proxy.fault = { kind: 'reset', afterBytes: 0 };
    await expect.poll(() => line.server.connections.size, { timeout: 10_000 }).toBe(0);
    line.proxy.fault = { kind: 'none' };
    expect(await work).toMatchObject({ stdout: 'on\n' });
    const nonces = readFileSync(prompts, 'utf8').trim().split('\n');
    expect(nonces).toHaveLength(3);
    expect(new Set(nonces).size).toBe(3);
    expect(line.told.join('\n')).not.toContain('cnry_sudo');
  },
);
