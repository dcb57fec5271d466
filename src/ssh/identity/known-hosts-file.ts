import { closeSync, fstatSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { KnownHost } from './known-hosts.ts';
import { coversHost, hashedName, knownHostLine, parseKnownHosts } from './known-hosts.ts';
import { holdingLock } from './lock-file.ts';

const maxBytes = 16 * 1024 * 1024;

/**
 * All usable lines of several known_hosts files; a file that does not exist has none.
 * @throws Error when one of them cannot be read in full: what cannot be checked must not be trusted
 */
export async function readKnownHosts(files: readonly string[]): Promise<KnownHost[]> {
  const all = await Promise.all(files.map(readOne));
  return all.flat();
}

async function readOne(file: string): Promise<KnownHost[]> {
  try {
    const state = await stat(file);
    // A pipe would be waited for, and another device be read, for ever.
    if (!state.isFile() && file !== '/dev/null') throw new Error(`${file} is not a regular file`);
    const { size } = state;
    if (size > maxBytes)
      throw new Error(`${file} has ${size} bytes; a known_hosts file has at most ${maxBytes}`);
    const text = await readFile(file, 'utf8');
    if (text.includes('\0')) throw new Error(`${file} is not a known_hosts file: it holds NUL bytes`);
    return parseKnownHosts(text, file);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

/** A key to be known by a name. */
export interface NewKnownHost {
  readonly name: string;
  readonly key: Buffer;
}

/**
 * Appends keys to a known_hosts file, but for those that it has; the file is made with mode 0600 when it is absent.
 * In a file with hashed names the new ones are hashed as well.
 *
 * Synchronous on purpose: it is called between the proof of the host's identity and the first secret, and the event
 * loop must not get to the second before the first is settled. One write with O_APPEND is atomic among writers, ssh among
 * them; the lock keeps two processes of this program from storing one key twice.
 */
export function appendKnownHosts(file: string, hosts: readonly NewKnownHost[]): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const descriptor = openSync(file, 'a+', 0o600);
  try {
    // Beside /dev/null, which some have as their file, nothing is to be made.
    if (fstatSync(descriptor).isFile())
      holdingLock(`${file}.provision-lock`, () => appendMissing(descriptor, file, hosts));
    else appendMissing(descriptor, file, hosts);
  } finally {
    closeSync(descriptor);
  }
}

function appendMissing(descriptor: number, file: string, hosts: readonly NewKnownHost[]): void {
  const text = readAll(descriptor);
  const known = parseKnownHosts(text, file);
  const once = new Map(hosts.map((host) => [`${host.name} ${host.key.toString('base64')}`, host]));
  const missing = [...once.values()].filter(({ name, key }) => !isKnown(known, name, key));
  if (missing.length === 0) return;
  const start = text === '' || text.endsWith('\n') ? '' : '\n';
  const isHashed = known.some((line) => line.hosts.startsWith('|'));
  const lines = missing.map(({ name, key }) => knownHostLine(isHashed ? hashedName(name) : name, key));
  writeAll(descriptor, `${start}${lines.join('\n')}\n`);
}

function isKnown(known: readonly KnownHost[], name: string, key: Buffer): boolean {
  return known.some(
    (line) => line.marker === undefined && line.key.equals(key) && coversHost(line.hosts, name),
  );
}

function writeAll(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  const written = writeSync(descriptor, bytes);
  // A full disk may take a part only; half a key must not be called stored.
  if (written < bytes.length) throw new Error('the disk is full');
}

function readAll(descriptor: number): string {
  const { size } = fstatSync(descriptor);
  if (size > maxBytes)
    throw new Error(`the file has ${size} bytes; a known_hosts file has at most ${maxBytes}`);
  const buffer = Buffer.alloc(size);
  const read = readSync(descriptor, buffer, 0, size, 0);
  return buffer.toString('utf8', 0, read);
}
