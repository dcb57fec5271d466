import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { errorCodes, problemsOf } from '../../core/errors.ts';
import { sh } from '../../core/script.ts';
import type { LockOptions } from './host-lock.ts';
import type { LastingConnection } from '../lasting-connection.ts';
import { connectLasting } from '../lasting-connection.ts';
import type { FaultProxy } from '../testing/fault-proxy.ts';
import { startFaultProxy } from '../testing/fault-proxy.ts';
import { loopback, makeFolder, removeFolders, trusting } from '../testing/loopback.ts';
import type { SshServer, SshServerOptions } from '../testing/ssh-server.ts';
import { startSshServer } from '../testing/ssh-server.ts';
import { hasSshd, startSshd } from '../testing/sshd.ts';

// Leases and scripts take seconds, and more on a machine that has much else to do.
vi.setConfig({ testTimeout: 120_000 });

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  removeFolders();
});

const quick = { timeoutMs: 30_000, doing: 'test' };

async function start(options: SshServerOptions = {}): Promise<SshServer> {
  const server = await startSshServer(options);
  closing.push(() => server.close());
  return server;
}

/** A controller: its connection, and the proxy through which it can be hurt. */
interface Controller {
  readonly name: string;
  readonly connection: LastingConnection;
  readonly proxy: FaultProxy;
  readonly told: string[];
  lock(options?: Partial<LockOptions>): ReturnType<LastingConnection['lock']>;
}

async function controller(server: SshServer, folder: string, name: string): Promise<Controller> {
  const proxy = await startFaultProxy(server.port);
  closing.push(() => proxy.close());
  const told: string[] = [];
  const connection = await connectLasting(loopback(proxy.port), {
    ...trusting([[proxy.port, server.hostKey]]),
    keepalive: { intervalMs: 100, countMax: 3 },
    reconnectMs: 30_000,
  });
  closing.push(() => connection.close());
  const given = {
    run: name,
    who: `${name}@laptop (pid 1)`,
    waitMs: 0,
    leaseSeconds: 2,
    patienceSeconds: 30,
    folder,
    progress: (text: string) => void told.push(text),
  };
  const lock = (options: Partial<LockOptions> = {}) => connection.lock({ ...given, ...options });
  return { name, connection, proxy, told, lock };
}

/** Ends the connection as a kill of the controller does; it does not come back. */
function kill({ proxy }: Controller): void {
  proxy.disconnect();
  proxy.fault = { kind: 'refuse' };
}

async function problemOf(work: Promise<unknown>) {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeDefined();
  return problemsOf(error)[0];
}

async function two(options: SshServerOptions = {}) {
  const server = await start(options);
  const folder = makeFolder();
  return {
    server,
    folder,
    anna: await controller(server, folder, 'anna'),
    ben: await controller(server, folder, 'ben'),
  };
}

test('F25: a host that is locked is told with who holds it and since when, and nothing is done there', async () => {
  const { anna, ben } = await two();
  expect(await anna.lock()).toMatchObject({ previous: { run: '' } });
  const problem = await problemOf(ben.lock());
  expect(problem).toMatchObject({ code: 'LOCKED', hostState: 'nothing was done there' });
  expect(problem.happened).toMatch(
    /^the host is locked by another run: anna@laptop \(pid 1\), since \d{4}-\d\d-\d\d [\d:]{8} \S+ by the clock of the host, \d+ s ago$/,
  );
  expect(problem.remedy).toContain('--lock-wait');
  expect(errorCodes.LOCKED).toBe(7);
});

test('F25: a run that meets a lock just taken, whose holder has not written its name yet, is told it all the same', async () => {
  const { anna, ben, folder } = await two();
  await anna.lock();
  const owner = join(folder, 'owner');
  const name = readFileSync(owner, 'utf8');
  rmSync(owner);
  const refused = problemOf(ben.lock());
  await anna.connection.execute(sh`sleep 0.3`, quick);
  writeFileSync(owner, name);
  expect((await refused).happened).toContain('locked by another run: anna@laptop (pid 1), since ');
});

test('F25: what a lock says of its holder drives no terminal', async () => {
  const { anna, ben, folder } = await two();
  await anna.lock();
  writeFileSync(join(folder, 'owner'), 'x\t1\t1\t0\t\u001b[2Jroot\u0007\u202e\n');
  expect((await problemOf(ben.lock())).happened).toMatch(/^[\x20-\x7e]*$/);
});

test('F25, S50: a lock that is given back is taken by the one who waits, who is told of it meanwhile', async () => {
  const { anna, ben } = await two();
  await anna.lock();
  const waiting = ben.lock({ waitMs: 30_000 });
  await expect.poll(() => ben.told.length, { timeout: 20_000 }).toBeGreaterThan(1);
  expect(ben.told[0]).toMatch(/^locked by anna@laptop .*; waiting, \d s of at most 30 s$/);
  await anna.connection.close();
  expect(await waiting).toMatchObject({ previous: { run: '' } });
});

test('F25: the wait ends after the time that was given', async () => {
  const { anna, ben } = await two();
  await anna.lock();
  const started = performance.now();
  expect(await problemOf(ben.lock({ waitMs: 1500 }))).toMatchObject({ code: 'LOCKED' });
  expect(performance.now() - started).toBeGreaterThan(1400);
});

test('F26: the lock of a run that was killed is free at once, and the next one is told whose it was', async () => {
  const { anna, ben } = await two();
  await anna.lock({ leaseSeconds: 600 });
  kill(anna);
  expect(await ben.lock({ waitMs: 20_000 })).toMatchObject({
    previous: { run: 'anna', who: expect.stringMatching(/^anna@laptop/) as string },
    undisturbed: false,
  });
});

test('F26: the lock of a run that nothing is heard of is free when its lease is over, and not before', async () => {
  const { anna, ben } = await two();
  await anna.lock({ leaseSeconds: 3 });
  anna.proxy.fault = { kind: 'blackhole', afterBytes: 0 };
  const started = performance.now();
  expect(await problemOf(ben.lock())).toMatchObject({ code: 'LOCKED' });
  await ben.lock({ waitMs: 30_000 });
  // The last heartbeat may have come just before.
  expect(performance.now() - started).toBeGreaterThan(1500);
  expect(performance.now() - started).toBeLessThan(15_000);
});

test('F25: a run that is heard of keeps its lock beyond the lease', async () => {
  const { anna, ben } = await two();
  await anna.lock({ leaseSeconds: 1 });
  expect(await problemOf(ben.lock({ waitMs: 3000 }))).toMatchObject({ code: 'LOCKED' });
  expect(anna.connection.losses).toBe(0);
});

describe('F26, F28: what a run that died left running', () => {
  test('is waited for, and the next run is told', async () => {
    const { anna, ben, folder } = await two();
    await anna.lock();
    const done = join(folder, 'done');
    const work = anna.connection.execute(sh`sleep 3; touch ${done}`, quick).catch(() => undefined);
    await expect.poll(() => readFileSync(join(folder, 'shells'), 'utf8')).not.toBe('');
    // Given to the host before the line breaks.
    await new Promise((resolve) => setTimeout(resolve, 300));
    kill(anna);
    await ben.lock({ waitMs: 20_000 });
    expect(existsSync(done)).toBe(true);
    expect(ben.told.at(-1)).toMatch(
      /^a script of anna@laptop .* is still running; waiting, \d s of at most 30 s$/,
    );
    await anna.connection.close();
    await work;
  });

  test('is ended with all its children when it takes too long', async () => {
    const { anna, ben, folder } = await two();
    await anna.lock();
    const marker = join(folder, 'pid');
    const script = sh`sleep 1000 & echo $! >${marker}; wait`;
    const work = anna.connection.execute(script, { ...quick, timeoutMs: 600_000 }).catch(() => undefined);
    await expect
      .poll(() => existsSync(marker) && readFileSync(marker, 'utf8'), { timeout: 10_000 })
      .toMatch(/\d\n/);
    kill(anna);
    await ben.lock({ waitMs: 20_000, patienceSeconds: 1 });
    const stat = `/proc/${readFileSync(marker, 'utf8').trim()}/stat`;
    expect(existsSync(stat) ? readFileSync(stat, 'utf8') : ') Z').toContain(') Z');
    await anna.connection.close();
    await work;
  });

  test('goes no further: what was sent behind it never runs', async () => {
    const { anna, ben, folder } = await two();
    await anna.lock({ leaseSeconds: 1 });
    const [first, second] = [join(folder, 'first'), join(folder, 'second')];
    const work = Promise.allSettled([
      anna.connection.execute(sh`sleep 4; touch ${first}`, quick),
      anna.connection.execute(sh`touch ${second}`, quick),
    ]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    // The line stays open for the host: only the lease tells it that nobody is there.
    anna.proxy.fault = { kind: 'blackhole', afterBytes: 0 };
    await ben.lock({ waitMs: 20_000 });
    expect([existsSync(first), existsSync(second)]).toEqual([true, false]);
    kill(anna);
    await anna.connection.close();
    await work;
    await ben.connection.execute(sh`sleep 1`, quick);
    expect(existsSync(second)).toBe(false);
  });
});

describe('a run whose line broke', () => {
  test('F11, F26: takes its lock again, from its own helper that the host still believes in', async () => {
    const { anna, ben } = await two();
    await anna.lock({ leaseSeconds: 600 });
    anna.proxy.fault = { kind: 'blackhole', afterBytes: 0, once: true };
    expect(await problemOf(anna.connection.execute(sh`echo lost`, quick))).toMatchObject({
      code: 'CONN_LOST',
    });
    expect(await anna.connection.execute(sh`echo on`, quick)).toMatchObject({ stdout: 'on\n' });
    expect(await problemOf(ben.lock())).toMatchObject({ code: 'LOCKED' });
  });

  test('S50: and whose host somebody else had in between reads again before it goes on', async () => {
    const { anna, ben } = await two();
    await anna.lock();
    anna.proxy.disconnect();
    anna.proxy.fault = { kind: 'refuse' };
    await ben.lock({ waitMs: 20_000 });
    await ben.connection.close();
    anna.proxy.fault = { kind: 'none' };
    // Nothing of hers was under way, and yet what she has read may be wrong by now.
    expect(await problemOf(anna.connection.execute(sh`echo on`, quick))).toMatchObject({
      code: 'CONN_LOST',
      happened: expect.stringContaining('may have been changed in between') as string,
    });
    expect(await anna.connection.execute(sh`echo on`, quick)).toMatchObject({ stdout: 'on\n' });
  });

  test('F25: and whose host somebody else has now is LOCKED', async () => {
    const { anna, ben } = await two();
    await anna.lock();
    anna.proxy.disconnect();
    anna.proxy.fault = { kind: 'refuse' };
    await ben.lock({ waitMs: 20_000 });
    anna.proxy.fault = { kind: 'none' };
    expect(await problemOf(anna.connection.execute(sh`echo on`, quick))).toMatchObject({ code: 'LOCKED' });
  });
});

test('F25: a lock whose helper is killed ends the work, which goes on under a new one', async () => {
  const { anna, ben, folder } = await two();
  await anna.lock({ patienceSeconds: 1 });
  const [, helper] = readFileSync(join(folder, 'owner'), 'utf8').split('\t');
  const work = problemOf(anna.connection.execute(sh`sleep 20`, quick));
  process.kill(Number(helper), 'SIGKILL');
  expect(await work).toMatchObject({ code: 'CONN_LOST' });
  expect(await anna.connection.execute(sh`echo on`, quick)).toMatchObject({ stdout: 'on\n' });
  expect(await problemOf(ben.lock())).toMatchObject({ code: 'LOCKED' });
});

test('F17, F25: a host with one session a connection is locked through another connection', async () => {
  const { anna, ben, server } = await two({ maxSessions: 1 });
  await anna.lock();
  expect(await anna.connection.execute(sh`echo on`, quick)).toMatchObject({ stdout: 'on\n' });
  expect(await problemOf(ben.lock())).toMatchObject({ code: 'LOCKED' });
  await anna.connection.close();
  await ben.lock({ waitMs: 20_000 });
  await ben.connection.close();
  await expect.poll(() => server.connections.size, { timeout: 10_000 }).toBe(0);
});

test('F25: a host that cannot be locked is told, and its work goes on', async () => {
  const tools = makeFolder();
  writeFileSync(join(tools, 'timeout'), '#!/bin/sh\nexit 1\n');
  chmodSync(join(tools, 'timeout'), 0o755);
  const { anna } = await two({ env: { PATH: `${tools}:/usr/bin:/bin` } });
  expect(await anna.lock()).toMatchObject({ unable: 'timeout on the host is too old' });
  expect(await anna.connection.execute(sh`echo on`, quick)).toMatchObject({ stdout: 'on\n' });
});

test('F27: waiting for a lock ends with the run', async () => {
  const { anna, ben } = await two();
  await anna.lock();
  const waiting = problemOf(ben.lock({ waitMs: 600_000 }));
  await expect.poll(() => ben.told.length, { timeout: 20_000 }).toBeGreaterThan(0);
  await ben.connection.close();
  await waiting;
});

test('F25, F26, S50: four controllers in a hundred rounds, some of which leave a script running, are never two at a time', async () => {
  const folder = makeFolder();
  const witness = join(folder, 'witness');
  writeFileSync(witness, '');
  const open = await opener();
  const rounds = 100 / 4;
  const run = async (name: string) => {
    for (let round = 0; round < rounds; round++) {
      const connection = await open();
      const lock = { run: `${name}${round}`, who: name, waitMs: 120_000, leaseSeconds: 5, folder };
      await connection.lock(lock);
      const script = sh`echo ${`in ${name}`} >>${witness}; sleep 0.01; echo ${`out ${name}`} >>${witness}`;
      await connection.execute(script, quick);
      if (round % 5 === 0) void connection.execute(script, quick).catch(() => undefined);
      await connection.close();
    }
  };
  await Promise.all(['a', 'b', 'c', 'd'].map(run));
  const lines = readFileSync(witness, 'utf8').trim().split('\n');
  expect(lines.length).toBeGreaterThanOrEqual(200);
  for (let index = 0; index + 1 < lines.length; index += 2) {
    const [entered, left] = [lines[index]!, lines[index + 1]!];
    expect([entered.slice(0, 3), left]).toEqual(['in ', entered.replace('in', 'out')]);
  }
});

async function opener(): Promise<() => Promise<LastingConnection>> {
  if (!hasSshd) {
    const server = await start();
    const options = { ...trusting([[server.port, server.hostKey]]), reconnectMs: 0 };
    return () => connectLasting(loopback(server.port), options);
  }
  const server = await startSshd({ configuration: ['MaxStartups 100'] });
  closing.push(() => server.stop());
  const { password: _none, ...target } = loopback(server.port, {
    user: server.user,
    keyFile: server.keyFile,
  });
  const options = { ...trusting([[server.port, server.hostKey]]), reconnectMs: 0 };
  return () => connectLasting(target, options);
}
