import { spawn } from 'node:child_process';
import type { FSWatcher } from 'node:fs';
import {
  chmodSync,
  lstatSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
  mkdirSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { sh } from '../../core/script.ts';
import { Secret } from '../../core/secret.ts';
import type { Connection } from '../../host/connection.ts';
import { RemoteHost } from '../../host/remote-host.ts';
import { connect } from '../connect.ts';
import { loopback, makeFolder, removeFolders, trusting } from '../testing/loopback.ts';
import type { SshServerOptions } from '../testing/ssh-server.ts';
import { startSshServer } from '../testing/ssh-server.ts';

// Another user of the host is played by a process with another uid, which only root can start.
const isRoot = process.getuid?.() === 0;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  removeFolders();
});

interface Place {
  readonly folder: string;
  readonly home: string;
}

interface Way {
  readonly size: number;
  readonly server: (place: Place) => SshServerOptions;
  readonly folderMode?: number;
}

const ways: Record<string, Way> = {
  'inside the script': { size: 3000, server: () => ({}) },
  'by SFTP beside the target': { size: 50_000, server: ({ home }) => ({ files: { home } }) },
  'by SFTP through a private folder': {
    size: 50_000,
    server: ({ home, folder }) => ({ files: { home, closedFolders: [folder] } }),
  },
  'through the shell beside the target': { size: 50_000, server: () => ({ sftp: false }) },
  'through the shell and a private folder': {
    size: 50_000,
    server: ({ home }) => ({ sftp: false, env: { HOME: home } }),
    folderMode: 0o1777,
  },
};

/** Folders that everybody may look into. */
function makePlace({ folderMode = 0o755 }: Way): Place {
  const [folder, home] = [makeFolder(), makeFolder()];
  chmodSync(folder, folderMode);
  chmodSync(home, 0o755);
  return { folder, home };
}

async function start(way: Way, place: Place): Promise<{ open: () => Promise<Connection> }> {
  const server = await startSshServer(way.server(place));
  closing.push(() => server.close());
  return {
    open: async () => {
      const options = trusting([[server.port, server.hostKey]]);
      const connection = await connect(loopback(server.port), options);
      closing.push(() => connection.close());
      return connection;
    },
  };
}

function writeKey(connection: Connection, path: string, size: number): Promise<void> {
  const host = new RemoteHost({
    name: 'web-1',
    address: '127.0.0.1',
    connection,
    progress: () => undefined,
    clock: Date.now,
  });
  return host.writeFile(path, new Secret('k'.repeat(size), 'key'), { mode: '0600' });
}

const attack = `
const fs = require('node:fs');
const found = { tries: 0, opened: [], loose: [], names: 0 };
const names = new Set();
let over = false;
process.stdin.on('data', () => undefined).on('end', () => (over = true));
const look = (folder) => {
  let entries = [];
  try { entries = fs.readdirSync(folder); } catch { return; }
  for (const name of entries) {
    const path = folder + '/' + name;
    names.add(path);
    try { fs.closeSync(fs.openSync(path, 'r')); if (fs.statSync(path).isFile()) found.opened.push(path); } catch {}
    found.tries++;
    try {
      const state = fs.lstatSync(path);
      if (state.mode & (state.isDirectory() ? 0o077 : 0o177)) found.loose.push(path + ' ' + state.mode.toString(8));
      if (state.isDirectory()) look(path);
    } catch {}
  }
};
const pass = () => {
  process.argv.slice(1).forEach(look);
  if (!over) return void setImmediate(pass);
  process.stdout.write(JSON.stringify({ ...found, names: names.size }));
};
process.stdout.write('looking\\n');
pass();
`;

interface Found {
  readonly tries: number;
  readonly opened: readonly string[];
  readonly loose: readonly string[];
  readonly names: number;
}

/** Another user who opens whatever appears in these folders, as fast as it can, until it is told to stop. */
async function startAttacker(folders: readonly string[]): Promise<{ stop: () => Promise<Found> }> {
  const child = spawn(process.execPath, ['-e', attack, ...folders], { uid: 65534, gid: 65534, cwd: '/' });
  closing.push(() => child.kill('SIGKILL'));
  let output = '';
  const looking = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.startsWith('looking\n')) resolve();
    });
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  await looking;
  return {
    stop: async () => {
      child.stdin.end();
      await ended;
      return JSON.parse(output.slice('looking\n'.length)) as Found;
    },
  };
}

describe.runIf(isRoot).each(Object.entries(ways))('a key that is written %s', (_name, way) => {
  test('S03, S05: can be opened by nobody else at any moment of its life, nor is it ever open to anybody', async () => {
    const place = makePlace(way);
    const { open } = await start(way, place);
    const attacker = await startAttacker([place.folder, place.home]);
    const connection = await open();
    for (let index = 0; index < 20; index++)
      await writeKey(connection, join(place.folder, 'key.pem'), way.size + index);
    await connection.close();
    const found = await attacker.stop();
    expect(found.opened).toEqual([]);
    expect(found.loose).toEqual([]);
    // The attacker was there while the key came: it saw the names that the bytes had on their way.
    expect(found.tries).toBeGreaterThan(20);
    expect(found.names).toBeGreaterThan(1);
  }, 60_000);

  test('S01: names that were seen once and then planted, as links and as folders, are not used again', async () => {
    const place = makePlace(way);
    const { open } = await start(way, place);
    const path = join(place.folder, 'key.pem');
    const seen = await namesSeen([place.folder, place.home], async () => {
      const connection = await open();
      await writeKey(connection, path, way.size);
      await connection.close();
    });
    expect(seen.size).toBeGreaterThan(0);
    const victim = join(makeFolder(), 'victim');
    writeFileSync(victim, 'mine');
    [...seen].forEach((name, index) => {
      if (index % 2) mkdirSync(name);
      else symlinkSync(victim, name);
    });
    const connection = await open();
    await writeKey(connection, path, way.size + 1);
    await connection.close();
    expect(readFileSync(path, 'utf8')).toHaveLength(way.size + 1);
    expect(readFileSync(victim, 'utf8')).toBe('mine');
    for (const name of seen) if (existing(name)?.isFile()) expect.unreachable(`${name} was used again`);
  });

  test('S02: nothing is made in the folders that all users share', async () => {
    const place = makePlace(way);
    const { open } = await start(way, place);
    const connection = await open();
    const { stdout } = await connection.execute(sh`echo $$`, { doing: 'test', timeoutMs: 30_000 });
    const name = `${basename(place.folder)}.pem`;
    const seen = await namesSeen(['/tmp', '/var/tmp'], () =>
      writeKey(connection, join(place.folder, name), way.size),
    );
    const ours = [...seen].filter((path) => path.includes(name) || path.includes(`-${stdout.trim()}-`));
    expect(ours).toEqual([]);
  });
});

test('S02, S05: no script names a shared folder or gives anything to all users', () => {
  const folders = ['../../host/', '../', '../../resources/', '../../actions/'].map(
    (path) => new URL(path, import.meta.url),
  );
  const sources = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !/\.test\.ts$|^testing\//.test(name))
      .map((name) => ({
        name,
        text: readFileSync(new URL(name, folder), 'utf8').replace(/^\s*(\/?\*|\/\/).*$/gm, ''),
      })),
  );
  expect(sources.length).toBeGreaterThan(60);
  const users = (pattern: RegExp) => sources.filter(({ text }) => pattern.test(text)).map(({ name }) => name);
  expect(users(/\/(var\/)?tmp\b|\$\{?TMPDIR\b|\bTMPDIR=|\bmktemp (?!(-d )?"?\/run\/|did )/)).toEqual([]);
  expect(users(/chmod\s+(-R\s+)?(0?777|0?666|[ao]?\+w|o\+w)|umask 0+\b/)).toEqual([]);
});

/** Every name that appears in the folders while something is done. */
async function namesSeen(folders: readonly string[], work: () => Promise<void>): Promise<Set<string>> {
  const seen = new Set<string>();
  const watchers: FSWatcher[] = folders.map((folder) =>
    watch(folder, (_event, name) => void (name && !name.endsWith('key.pem') && seen.add(join(folder, name)))),
  );
  await work();
  // What the kernel has noted already is delivered before a later event of the same folder.
  for (const folder of folders) {
    const mark = join(folder, `mark-${basename(makeFolder())}`);
    writeFileSync(mark, '');
    while (!seen.has(mark)) await new Promise((resolve) => setImmediate(resolve));
    rmSync(mark);
    seen.delete(mark);
  }
  watchers.forEach((watcher) => watcher.close());
  return seen;
}

function existing(path: string) {
  return lstatSync(path, { throwIfNoEntry: false });
}
