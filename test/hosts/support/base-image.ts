import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory, canInstall, ensurePrograms } from '../../../scripts/docker-engine.mjs';
import { engine, followProgress, hasImage } from './engine.ts';

/** What makes a machine out of Debian's smallest system. */
export const hostPackages = [
  'openssh-server',
  'sudo',
  'ca-certificates',
  'iproute2',
  'procps',
  'systemd-sysv',
  'dbus',
  'kmod',
];

const published = 'debian:12';
const suite = 'bookworm';

/**
 * Finds or makes an image with a plain Debian 12, and returns its name.
 *
 * What is on this machine is preferred to what would have to be fetched: an image of an earlier run, its archive in
 * the cache, a published image; then Debian's packages, and a registry last, as many machines reach none.
 *
 * @throws {Error} with what to do, when there is no way to one.
 */
export async function ensureBaseImage(log: (line: string) => void): Promise<string> {
  const key = createHash('sha256')
    .update([suite, ...hostPackages].join())
    .digest('hex')
    .slice(0, 12);
  const own = `provision-test/base:${key}`;
  const archive = join(cacheDirectory(), `base-${key}.tar`);
  if (await hasImage(own)) return own;
  if (!existsSync(archive) && (await hasImage(published))) return published;
  if (!existsSync(archive)) {
    if (!canInstall()) return pullPublished(log);
    await bootstrap(archive, log);
  }
  log(`Importing ${archive} ...`);
  const [repo, tag] = own.split(':') as [string, string];
  await followProgress(await (await engine()).importImage(createReadStream(archive), { repo, tag }));
  return own;
}

async function bootstrap(archive: string, log: (line: string) => void): Promise<void> {
  await ensurePrograms({ mmdebstrap: ['mmdebstrap', 'debian-archive-keyring'] }, { log });
  log('Building a Debian root file system with mmdebstrap (about half a minute, once) ...');
  const unfinished = `${archive}.${process.pid}`;
  const options = ['--variant=minbase', '--format=tar', `--include=${hostPackages.join(',')}`];
  const child = spawn('mmdebstrap', [...options, suite, unfinished], { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code === 0) {
    renameSync(unfinished, archive);
    return;
  }
  rmSync(unfinished, { force: true });
  throw new Error(`mmdebstrap ended with ${code}:\n${output.split('\n').slice(-20).join('\n')}`);
}

async function pullPublished(log: (line: string) => void): Promise<string> {
  log(`Pulling ${published} ...`);
  try {
    await followProgress(await (await engine()).pull(published));
    return published;
  } catch (cause) {
    throw new Error(
      `Test hosts need a Debian 12 image, and there is none: ${published} cannot be pulled. ` +
        'Load it into the engine, or run this as root on Debian or Ubuntu, where it is made from packages.',
      { cause },
    );
  }
}
