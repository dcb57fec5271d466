import { closeSync, fstatSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { KnownHost } from './known-hosts.ts';
import { coversHost, knownHostLine, parseKnownHosts } from './known-hosts.ts';

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
    const { size } = await stat(file);
    if (size > maxBytes)
      throw new Error(`${file} has ${size} bytes; a known_hosts file has at most ${maxBytes}`);
    const text = await readFile(file, 'utf8');
    if (text.includes('\0')) throw new Error(`${file} is not a known_hosts file: it holds NUL bytes`);
    return parseKnownHosts(text, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Appends a key to a known_hosts file, unless the same line is there; the file is made with mode 0600 when it is absent.
 *
 * Synchronous on purpose: it is called between the proof of the host's identity and the first secret, and the event
 * loop must not get to the second before the first is settled. One write with O_APPEND is atomic among writers.
 */
export function appendKnownHost(file: string, name: string, key: Buffer): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const descriptor = openSync(file, 'a+', 0o600);
  try {
    const text = readAll(descriptor);
    const isThere = parseKnownHosts(text, file).some(
      (known) => known.marker === undefined && known.key.equals(key) && coversHost(known.hosts, name),
    );
    if (isThere) return;
    const start = text === '' || text.endsWith('\n') ? '' : '\n';
    writeSync(descriptor, `${start}${knownHostLine(name, key)}\n`);
  } finally {
    closeSync(descriptor);
  }
}

function readAll(descriptor: number): string {
  const { size } = fstatSync(descriptor);
  if (size > maxBytes)
    throw new Error(`the file has ${size} bytes; a known_hosts file has at most ${maxBytes}`);
  const buffer = Buffer.alloc(size);
  const read = readSync(descriptor, buffer, 0, size, 0);
  return buffer.toString('utf8', 0, read);
}
