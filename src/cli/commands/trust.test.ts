import type { EventEmitter } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { problemsOf } from '../../core/errors.ts';
import { recordingSink } from '../../report/test-streams.ts';
import { fingerprint, hashedName, knownHostLine, knownHostName } from '../../ssh/identity/known-hosts.ts';
import { issueCertificate } from '../../ssh/testing/issue-certificate.ts';
import { makeFolder, removeFolders } from '../../ssh/testing/loopback.ts';
import { makeKey } from '../../ssh/testing/make-key.ts';
import { showCertificate } from '../../ssh/testing/show-certificate.ts';
import type { SshServer, SshServerOptions } from '../../ssh/testing/ssh-server.ts';
import { startSshServer } from '../../ssh/testing/ssh-server.ts';
import { trustCommand } from './trust.ts';

const servers: SshServer[] = [];
const { HOME: home } = process.env;
let folder: string;
let knownHosts: string;
beforeEach(() => {
  folder = makeFolder();
  process.env['HOME'] = folder;
  mkdirSync(join(folder, '.ssh'));
  knownHosts = join(folder, '.ssh', 'known_hosts');
});
afterEach(async () => {
  process.env['HOME'] = home;
  for (const server of servers.splice(0)) await server.close();
  removeFolders();
});

async function start(options: SshServerOptions = {}): Promise<SshServer> {
  const server = await startSshServer(options);
  servers.push(server);
  return server;
}

/** Hosts of the main playbook, each on a port of loopback. */
function inventory(hosts: Record<string, { port: number; more?: string }>): string {
  const lines = Object.entries(hosts).map(
    ([name, { port, more = '' }]) => `    ${name}: { host: 127.0.0.1, port: ${port}${more} }`,
  );
  const file = join(folder, 'inventory.yaml');
  writeFileSync(file, `lb:\n  hosts:\n${lines.join('\n')}\n`);
  return file;
}

async function trust(
  file: string,
  more: { yes?: boolean; output?: 'lines' | 'jsonl'; forks?: number } = {},
): Promise<{ exit: number | string; stdout: string; stderr: string }> {
  const { sink, stdout, stderr } = recordingSink();
  const request = { inventory: file, yes: true, output: 'lines', forks: 50, ...more } as const;
  const exit = await trustCommand(request, sink, false).catch((error: unknown) => problemsOf(error)[0].code);
  await sink.flush();
  return { exit, stdout: stdout.written, stderr: stderr.written };
}

const lineOf = ({ port, hostKey }: SshServer, key = hostKey) =>
  `${knownHostLine(knownHostName('127.0.0.1', port), key)}\n`;

test('S25: every case is shown, in the order of the inventory and in columns; only the new ones are stored', async () => {
  const [fresh, known, changed, revoked] = [await start(), await start(), await start(), await start()];
  const [pinned, plain] = [await start(), await start()];
  const [authority, key, old] = [makeKey(), makeKey(), makeKey()];
  const certificate = issueCertificate(key.public, { authority, principals: ['127.0.0.1'] });
  const certified = await start({
    hostKeys: [key.parsed],
    onConnection: (connection) => showCertificate(connection, certificate, key.parsed),
  });
  const before = [
    lineOf(known),
    lineOf(changed, old.public),
    `@revoked ${lineOf(revoked)}`,
    `@cert-authority ${lineOf(certified, authority.public)}`,
  ].join('');
  writeFileSync(knownHosts, before);
  const gone = await start();
  await gone.close();
  const file = inventory({
    'lb-1': { port: fresh.port },
    'a-long-name-2': { port: known.port },
    'lb-3': { port: changed.port },
    'lb-4': { port: revoked.port },
    'lb-5': { port: certified.port },
    'lb-6': { port: gone.port },
    'lb-7': { port: pinned.port, more: `, fingerprint: '${fingerprint(old.public)}'` },
    'lb-8': { port: plain.port, more: `, host_ca: ssh-ed25519 ${authority.public.toString('base64')}` },
  });
  const { exit, stdout, stderr } = await trust(file);
  const lines = stdout.trimEnd().split('\n');
  const shown = (server: SshServer) =>
    `127.0.0.1:${server.port}  ssh-ed25519  ${fingerprint(server.hostKey)}`;
  expect(lines).toEqual([
    `lb-1           ${shown(fresh)}  new`,
    `a-long-name-2  ${shown(known)}  known`,
    `lb-3           ${shown(changed)}  CHANGED: known is ssh-ed25519 ${fingerprint(old.public)} (${knownHosts}:2)`,
    `lb-4           ${shown(revoked)}  REVOKED: ssh-ed25519 ${fingerprint(revoked.hostKey)} (${knownHosts}:3)`,
    `lb-5           ${shown(certified)}  vouched for by CA ${fingerprint(authority.public)} (${knownHosts}:4)`,
    `lb-6           127.0.0.1:${gone.port}  -            ${'-'.padEnd(50)}  not asked: CONN_REFUSED`,
    `lb-7           ${shown(pinned)}  CHANGED: known is ${fingerprint(old.public)} (fingerprint in the inventory)`,
    expect.stringContaining(`${shown(plain)}  REFUSED: nobody vouches for it; it shows no certificate`),
    `stored 1 in ${knownHosts}`,
  ]);
  expect(stderr).toContain(`CONN_REFUSED lb-6 — 127.0.0.1:${gone.port}`);
  expect(exit).toBe(8);
  expect(readFileSync(knownHosts, 'utf8')).toBe(before + lineOf(fresh));
  for (const server of servers) expect(server.log).toEqual([]);
}, 60_000);

test('nothing is stored without a yes', async () => {
  const server = await start();
  const file = inventory({ 'lb-1': { port: server.port } });
  expect(await trust(file, { yes: false })).toMatchObject({ exit: 'HOSTKEY_UNKNOWN' });
  expect(existsSync(knownHosts)).toBe(false);
  expect(await trust(file)).toMatchObject({ exit: 0 });
  expect((await trust(file, { yes: false })).stdout).toMatch(/known\n$/);
});

test('a host that cannot be asked is exit code 4', async () => {
  const gone = await start();
  await gone.close();
  expect(await trust(inventory({ 'lb-1': { port: gone.port } }))).toMatchObject({ exit: 4 });
});

test('programs get one line of JSON a host, and a summary', async () => {
  const server = await start();
  const { exit, stdout } = await trust(inventory({ 'lb-1': { port: server.port } }), { output: 'jsonl' });
  expect(exit).toBe(0);
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    {
      event: 'host-key',
      host: 'lb-1',
      address: '127.0.0.1',
      port: server.port,
      type: 'ssh-ed25519',
      fingerprint: fingerprint(server.hostKey),
      status: 'new',
    },
    { event: 'summary', new: 1, stored: 1, file: knownHosts, exit: 0 },
  ]);
});

test('a thousand hosts are asked some at a time, and hashed names stay hashed', async () => {
  const hostKeys = [makeKey().parsed];
  let [open, most] = [0, 0];
  const onConnection: SshServerOptions['onConnection'] = (connection) => {
    most = Math.max(most, ++open);
    (connection as unknown as EventEmitter).once('close', () => open--);
  };
  const all: SshServer[] = [];
  for (let count = 0; count < 1000; count++) all.push(await start({ hostKeys, onConnection }));
  writeFileSync(knownHosts, `${knownHostLine(hashedName('elsewhere'), makeKey().public)}\n`);
  const file = inventory(Object.fromEntries(all.map(({ port }, index) => [`lb-${index}`, { port }])));
  const { exit, stdout } = await trust(file, { forks: 20 });
  expect(exit).toBe(0);
  const shown = stdout.split('\n').slice(0, 1000);
  expect(shown.every((line, index) => line.startsWith(`lb-${index} `))).toBe(true);
  // A server sees the end of a connection a little later than its client.
  expect(most).toBeLessThanOrEqual(40);
  const lines = readFileSync(knownHosts, 'utf8').trim().split('\n');
  expect(lines).toHaveLength(1001);
  expect(lines.every((line) => line.startsWith('|1|'))).toBe(true);
}, 120_000);

test('F27: an interrupt ends it at once, with nothing stored', async () => {
  const silent = await start({
    onConnection: (connection) => void process.nextTick(() => pause(connection)),
  });
  const file = inventory({ 'lb-1': { port: silent.port } });
  const asking = trust(file);
  await expect.poll(() => silent.connections.size, { timeout: 10_000 }).toBe(1);
  process.emit('SIGINT');
  expect(await asking).toMatchObject({ exit: 130, stderr: 'stopped: nothing was stored\n' });
  expect(existsSync(knownHosts)).toBe(false);
});

function pause(connection: object): void {
  (connection as { _sock: { pause(): void } })._sock.pause();
}
