import { chmodSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { problemsOf } from '../../core/errors.ts';
import { sh } from '../../core/script.ts';
import type { Connection } from '../../host/connection.ts';
import { RemoteHost } from '../../host/remote-host.ts';
import { connect } from '../connect.ts';
import { startFaultProxy } from '../testing/fault-proxy.ts';
import { loopback, makeFolder, removeFolders, trusting } from '../testing/loopback.ts';
import { hasSshd, startSshd } from '../testing/sshd.ts';
import { startSshServer } from '../testing/ssh-server.ts';

/*
 * The line is cut at places spread evenly over all bytes, of both directions, that the writing of one file takes. What
 * is on the host then is looked at when nothing runs there any more.
 */

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  removeFolders();
});

interface Place {
  readonly target: string;
  /** The folder of the target, and the home folder of the login user, with nothing else in them. */
  readonly folder: string;
  readonly home: string;
}

/** One way for a file to get there. */
interface Way {
  /** Places in which the line is cut, in each tenth of the bytes and by each kind of cut. */
  readonly cuts: number;

  readonly size: number;
  readonly start: (place: Place) => Promise<Server>;
  /** A folder that others can write to is one in which the shell does not write by name. */
  readonly folderMode?: number;
}

interface Server {
  readonly port: number;
  readonly connect: (port: number) => Promise<Connection>;
}

const viaSftp = 100_000;
const ways: Record<string, Way> = {
  'inside its script': { cuts: 10, size: 4096, start: inProcess(() => ({})) },
  'by SFTP beside the target': {
    cuts: 10,
    size: viaSftp,
    start: inProcess(({ home }) => ({ files: { home } })),
  },
  ...(hasSshd && { 'by OpenSSH beside the target': { cuts: 1, size: viaSftp, start: openSsh } }),
  'by SFTP through a private folder': {
    cuts: 10,
    size: viaSftp,
    start: inProcess(({ home, folder }) => ({ files: { home, closedFolders: [folder] } })),
  },
  'through the shell beside the target': {
    cuts: 10,
    size: viaSftp,
    start: inProcess(() => ({ sftp: false })),
  },
  'through the shell and a private folder': {
    cuts: 10,
    size: viaSftp,
    start: inProcess(({ home }) => ({ sftp: false, env: { HOME: home } })),
    folderMode: 0o777,
  },
};

function inProcess(options: (place: Place) => Parameters<typeof startSshServer>[0]): Way['start'] {
  return async (place) => {
    const server = await startSshServer(options(place));
    closing.push(() => server.close());
    const connectTo = (port: number) => connect(loopback(port), trusting([[port, server.hostKey]]));
    return { port: server.port, connect: connectTo };
  };
}

/** What only OpenSSH has: fsync and the question for free space, and a process of its own for SFTP. */
async function openSsh(): Promise<Server> {
  const sshd = await startSshd({ configuration: ['Subsystem sftp internal-sftp'] });
  closing.push(() => sshd.stop());
  const { user, keyFile, hostKey } = sshd;
  const { password: _none, ...target } = loopback(0, { user, keyFile });
  const connectTo = (port: number) => connect({ ...target, port }, trusting([[port, hostKey]]));
  return { port: sshd.port, connect: connectTo };
}

function makePlace(folderMode = 0o755): Place {
  const [folder, home] = [makeFolder(), makeFolder()];
  chmodSync(folder, folderMode);
  return { folder, home, target: join(folder, 'key.pem') };
}

const oldBytes = 'old\n'.repeat(1000);
const newBytes = (size: number) => Buffer.alloc(size, 'the new bytes\n');

function writeOver(connection: Connection, { target }: Place, size: number): Promise<void> {
  const host = new RemoteHost({
    name: 'web-1',
    address: '127.0.0.1',
    connection,
    progress: () => undefined,
    clock: Date.now,
  });
  return host.writeFile(target, newBytes(size), { mode: '0600' });
}

/** What runs of a connection on the host has its shell as an ancestor, and the shell goes last. */
async function shellIsGone(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}`)) await sleep(1);
}

async function pidOf(connection: Connection): Promise<number> {
  const { stdout } = await connection.execute(sh`echo $$`, { doing: 'test', timeoutMs: 30_000 });
  return Number(stdout);
}

const leftovers = ({ folder, home }: Place) => [
  ...readdirSync(folder).filter((name) => name !== 'key.pem'),
  ...readdirSync(home),
];

/** How many bytes the writing takes, and that it works when nobody cuts it. */
async function measure(server: Server, place: Place, size: number): Promise<number> {
  const proxy = await startFaultProxy(server.port);
  const connection = await server.connect(proxy.port);
  const start = proxy.bytes;
  await writeOver(connection, place, size);
  const span = proxy.bytes - start;
  await connection.close();
  await proxy.close();
  expect(readFileSync(place.target).equals(newBytes(size))).toBe(true);
  expect(leftovers(place)).toEqual([]);
  return span;
}

/** Cuts the line in one place and looks what is there then; what was left is gone after the next writing. */
async function cut(
  server: Server,
  place: Place,
  { size, kind, atByte }: { size: number; kind: 'cut' | 'reset'; atByte: number },
): Promise<string> {
  writeFileSync(place.target, oldBytes);
  chmodSync(place.target, 0o640);
  const proxy = await startFaultProxy(server.port);
  const connection = await server.connect(proxy.port);
  const pid = await pidOf(connection);
  proxy.fault = { kind, afterBytes: proxy.bytes + atByte };
  const outcome = await writeOver(connection, place, size).then(
    () => 'written',
    (error: unknown) => problemsOf(error)[0].code,
  );
  await connection.close();
  await proxy.close();
  await shellIsGone(pid);

  const isNew = readFileSync(place.target).equals(newBytes(size));
  if (!isNew) expect(readFileSync(place.target, 'utf8')).toBe(oldBytes);
  expect(statSync(place.target).mode & 0o777).toBe(isNew ? 0o600 : 0o640);
  if (outcome === 'written') expect(isNew).toBe(true);
  else expect(outcome).toBe('CONN_LOST');
  const left = leftovers(place);
  expect(left.length).toBeLessThanOrEqual(1);
  if (left.length > 0) await writeAgain(server, place, size);
  return `${outcome}, ${isNew ? 'new' : 'old'}`;
}

async function writeAgain(server: Server, place: Place, size: number): Promise<void> {
  const connection = await server.connect(server.port);
  await writeOver(connection, place, size);
  await connection.close();
  expect(readFileSync(place.target).equals(newBytes(size))).toBe(true);
  expect(leftovers(place)).toEqual([]);
}

const regions = 10;

describe.each(Object.entries(ways))('F12: a line that is cut while a file travels %s', (_name, way) => {
  const cases = (['cut', 'reset'] as const).flatMap((kind) =>
    Array.from({ length: regions }, (_, region) => [kind === 'cut' ? 'FIN' : 'RST', region, kind] as const),
  );
  test.each(cases)(
    'by a %s, in tenth %i: the file is the old one or the new one',
    async (_, region, kind) => {
      const place = makePlace(way.folderMode);
      const server = await way.start(place);
      const span = await measure(server, place, way.size);
      const outcomes: string[] = [];
      for (let index = 0; index < way.cuts; index++) {
        const atByte = Math.round((span * (region + index / way.cuts)) / regions);
        outcomes.push(await cut(server, place, { size: way.size, kind, atByte }));
      }
      // The last bytes of all are the answer that it was written.
      if (region < regions - 1)
        expect(outcomes.filter((outcome) => outcome.startsWith('written'))).toEqual([]);
      if (region === 0) expect(new Set(outcomes)).toEqual(new Set(['CONN_LOST, old']));
    },
    120_000,
  );
});
