import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { problemsOf } from '../../core/errors.ts';
import type { AcceptedHostKey } from './host-keys.ts';
import { connect } from '../connect.ts';
import { loadCredentials } from '../log-in/credentials.ts';
import { handshake } from '../log-in/handshake.ts';
import { fingerprint, hashedName, knownHostLine, knownHostName } from './known-hosts.ts';
import type { SshTarget } from '../target.ts';
import { readKnownHosts } from './known-hosts-file.ts';
import { loopback, makeFolder, removeFolders } from '../testing/loopback.ts';
import { makeKey } from '../testing/make-key.ts';
import type { SshServerOptions } from '../testing/ssh-server-options.ts';
import type { SshServer } from '../testing/ssh-server.ts';
import { startSshServer } from '../testing/ssh-server.ts';
import { scanHostKey, trustHostKeys } from './trust.ts';

const servers: SshServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  removeFolders();
});

async function start(options: SshServerOptions = {}): Promise<SshServer> {
  const server = await startSshServer(options);
  servers.push(server);
  return server;
}

async function outcome(
  server: SshServer,
  knownHosts: { files: string[]; acceptNew: boolean },
  more: Partial<SshTarget> = {},
) {
  try {
    const connection = await connect(loopback(server.port, more), { knownHosts, connectTimeoutMs: 5000 });
    await connection.close();
    return { code: 'connected' };
  } catch (error) {
    return problemsOf(error)[0];
  }
}

const nameOf = (server: SshServer) => knownHostName('127.0.0.1', server.port);
const lineOf = (server: SshServer, key = server.hostKey) => `${knownHostLine(nameOf(server), key)}\n`;
const otherKey = () => makeKey().public;

function file(content?: string): string {
  const path = join(makeFolder(), 'known_hosts');
  if (content !== undefined) writeFileSync(path, content);
  return path;
}

test('F08: an unknown host is refused before the user is named, with the line that would make it known', async () => {
  const server = await start();
  const path = file();
  const problem = await outcome(server, { files: [path], acceptNew: false });
  expect(problem).toMatchObject({
    code: 'HOSTKEY_UNKNOWN',
    host: 'web-1',
    detail: `line for ${path}:\n${lineOf(server).trim()}`,
  });
  expect(JSON.stringify(problem)).toContain(fingerprint(server.hostKey));
  expect(JSON.stringify(problem)).toContain('provision trust -i inventory.yaml');
  expect(server.log).toEqual([]);
});

test('F09: a changed key is refused with both fingerprints and the line, also when new ones are accepted', async () => {
  const server = await start();
  const expected = otherKey();
  const path = file(`# comment\n${lineOf(server, expected)}`);
  for (const acceptNew of [false, true]) {
    const problem = await outcome(server, { files: [path], acceptNew });
    expect(problem.code).toBe('HOSTKEY_CHANGED');
    for (const part of [fingerprint(server.hostKey), fingerprint(expected), `${path}:2`])
      expect(JSON.stringify(problem)).toContain(part);
  }
  expect(readFileSync(path, 'utf8')).toBe(`# comment\n${lineOf(server, expected)}`);
  expect(server.log).toEqual([]);
});

test('S25: a revoked key is refused', async () => {
  const server = await start();
  const path = file(`${lineOf(server)}@revoked * ${lineOf(server).split(' ').slice(1).join(' ')}`);
  expect(await outcome(server, { files: [path], acceptNew: true })).toMatchObject({
    code: 'HOSTKEY_REVOKED',
  });
  expect(server.log).toEqual([]);
});

test('F08: an accepted key is stored in the first file, mode 0600, and known from then on', async () => {
  const server = await start();
  const first = join(makeFolder(), 'new', 'known_hosts');
  const second = file('other ssh-ed25519 AAAA');
  const accepted: AcceptedHostKey[] = [];
  const knownHosts = {
    files: [first, second],
    acceptNew: true,
    onAccepted: (key: AcceptedHostKey) => accepted.push(key),
  };
  expect(await outcome(server, knownHosts)).toEqual({ code: 'connected' });
  expect(readFileSync(first, 'utf8')).toBe(lineOf(server));
  expect(statSync(first).mode & 0o777).toBe(0o600);
  expect(accepted).toMatchObject([
    { host: 'web-1', type: 'ssh-ed25519', fingerprint: fingerprint(server.hostKey), file: first },
  ]);
  expect(await outcome(server, { files: [first], acceptNew: false })).toEqual({ code: 'connected' });
  expect(await outcome(server, { files: [first], acceptNew: true })).toEqual({ code: 'connected' });
  expect(readFileSync(first, 'utf8')).toBe(lineOf(server));
});

test('a key is added on a line of its own when the file does not end with one', async () => {
  const server = await start();
  const path = file('# no line break');
  await outcome(server, { files: [path], acceptNew: true });
  expect(readFileSync(path, 'utf8')).toBe(`# no line break\n${lineOf(server)}`);
});

const sparse = (path: string) => {
  writeFileSync(path, '');
  truncateSync(path, 2 ** 30);
};

test.each([
  ['is a folder', (path: string) => mkdirSync(path)],
  ['is binary', (path: string) => writeFileSync(path, Buffer.from([0, 1, 2, 255]))],
  ['is larger than any known_hosts', (path: string) => writeFileSync(path, Buffer.alloc(17_000_000, 'x'))],
  ['has a gigabyte', sparse],
  ['is a pipe that nobody writes to', (path: string) => execFileSync('mkfifo', [path])],
  ['is a device without an end', (path: string) => symlinkSync('/dev/zero', path)],
  ['leads to itself', (path: string) => symlinkSync(path, path)],
  ['lies behind a file', (path: string) => symlinkSync('/etc/passwd/known_hosts', path)],
])('S28: nothing is contacted when known_hosts %s', async (_name, spoil) => {
  const server = await start();
  const path = file();
  spoil(path);
  expect(await outcome(server, { files: [path], acceptNew: true })).toMatchObject({
    code: 'HOSTKEY_UNKNOWN',
  });
  expect(server.log).toEqual([]);
});

test('S28: a second file that cannot be read is no less reason than the first', async () => {
  const server = await start();
  const files = [file(lineOf(server)), makeFolder()];
  expect(await outcome(server, { files, acceptNew: true })).toMatchObject({ code: 'HOSTKEY_UNKNOWN' });
  expect(server.log).toEqual([]);
});

test('S28: junk without an end of line knows nobody', async () => {
  const server = await start();
  const junk = Buffer.from(Array.from({ length: 100_000 }, (_, index) => 1 + ((index * 7919) % 255)));
  const path = file();
  writeFileSync(path, junk);
  expect(await outcome(server, { files: [path], acceptNew: false })).toMatchObject({
    code: 'HOSTKEY_UNKNOWN',
  });
  expect(server.log).toEqual([]);
});

test('known_hosts may be /dev/null, as it may be for ssh', async () => {
  const server = await start();
  expect(await outcome(server, { files: ['/dev/null'], acceptNew: false })).toMatchObject({
    code: 'HOSTKEY_UNKNOWN',
    detail: `line for /dev/null:\n${lineOf(server).trim()}`,
  });
});

test('S28: whatever goes wrong while a key is looked at is a refusal', async () => {
  const server = await start();
  const target = loopback(server.port);
  const verifiers: (() => void)[] = [
    () => {
      throw new Error('a defect');
    },
    () => {
      throw new TypeError('x is not a function');
    },
    () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- as careless code does
      throw 'text';
    },
    () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- as careless code does
      throw undefined;
    },
  ];
  for (const verifyHost of verifiers) {
    const socket = connectTcp({ host: '127.0.0.1', port: server.port });
    const attempt = handshake(socket, {
      target,
      credentials: await loadCredentials(target),
      algorithms: ['ssh-ed25519'],
      verifyHost,
      onIdentityProven: () => undefined,
      timeoutMs: 5000,
      keepalive: { intervalMs: 0, countMax: 0 },
    });
    await expect(attempt).rejects.toMatchObject({ code: 'HOSTKEY_UNKNOWN' });
  }
  expect(server.log).toEqual([]);
});

test('new keys are hashed in a file with hashed names, and not stored twice', async () => {
  const server = await start();
  const path = file(`${knownHostLine(hashedName('lb'), otherKey())}\n`);
  for (const _twice of [1, 2])
    expect(await outcome(server, { files: [path], acceptNew: true })).toEqual({ code: 'connected' });
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  expect(lines).toHaveLength(2);
  expect(lines[1]).toMatch(/^\|1\|/);
  expect(lines[1]).not.toContain('127.0.0.1');
});

test('S28: a key that cannot be stored is not accepted, and no secret is sent', async () => {
  const server = await start();
  const path = join(file('a file, not a folder'), 'known_hosts');
  expect(await outcome(server, { files: [path], acceptNew: true })).toMatchObject({
    code: 'HOSTKEY_UNKNOWN',
  });
  expect(server.log.filter((entry) => entry === 'auth password')).toEqual([]);
});

test('S25: a host with keys of two types is known by either', async () => {
  const [ed25519, rsa] = [makeKey(), makeKey('rsa')];
  const server = await start({ hostKeys: [ed25519.parsed, rsa.parsed] });
  for (const key of [rsa.public, ed25519.public]) {
    expect(await outcome(server, { files: [file(lineOf(server, key))], acceptNew: false })).toEqual({
      code: 'connected',
    });
    const pinned = { fingerprint: fingerprint(key) };
    expect(await outcome(server, { files: [], acceptNew: false }, pinned)).toEqual({ code: 'connected' });
  }
  const wrong = { fingerprint: fingerprint(otherKey()) };
  expect(await outcome(server, { files: [file(lineOf(server))], acceptNew: true }, wrong)).toMatchObject({
    code: 'HOSTKEY_CHANGED',
  });
});

test('a host is asked for its key without a login, and known once it is trusted', async () => {
  const server = await start();
  const path = file();
  const target = loopback(server.port);
  const scan = async (known: string) =>
    scanHostKey(target, { knownHosts: await readKnownHosts([known]), connectTimeoutMs: 5000 });
  const scanned = await scan(path);
  expect(scanned).toEqual({
    host: 'web-1',
    type: 'ssh-ed25519',
    fingerprint: fingerprint(server.hostKey),
    line: lineOf(server).trim(),
    status: 'new',
  });
  expect(server.log).toEqual([]);
  trustHostKeys(path, [{ target, scanned }]);
  expect(await scan(path)).toMatchObject({ status: 'known' });
  expect(await outcome(server, { files: [path], acceptNew: false })).toEqual({ code: 'connected' });
  const changed = await scan(file(lineOf(server, otherKey())));
  expect(changed.status).toBe('changed');
  expect(() => trustHostKeys(path, [{ target, scanned: changed }])).toThrow('HOSTKEY_CHANGED');
});

test.each([true, false])(
  'S27: a key that the host shows but cannot prove is neither stored nor enough (accept new: %s)',
  async (acceptNew) => {
    const victim = otherKey();
    const impostor = makeKey().parsed;
    impostor.getPublicSSH = () => victim;
    const server = await start({ hostKeys: [impostor] });
    const path = file(acceptNew ? '' : lineOf(server, victim));
    const before = readFileSync(path, 'utf8');
    const problem = await outcome(server, { files: [path], acceptNew });
    expect(problem.code).not.toBe('connected');
    expect(readFileSync(path, 'utf8')).toBe(before);
    expect(server.log).toEqual([]);
  },
);
