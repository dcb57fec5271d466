import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../../core/secret.ts';
import type { ConnectOptions } from '../connect.ts';
import { knownHostLine, knownHostName } from '../identity/known-hosts.ts';
import type { SshTarget } from '../target.ts';
import { password } from './ssh-server.ts';

/** A target on loopback that logs in with the password of the test server and stays the user that runs the tests. */
export function loopback(port: number, more: Partial<SshTarget> = {}): SshTarget {
  const secret = new Secret(password, 'test password');
  return {
    name: 'web-1',
    address: '127.0.0.1',
    port,
    user: 'deploy',
    password: secret,
    become: 'none',
    ...more,
  };
}

/** Options to connect with, and a known_hosts file that knows the given keys on the given ports. */
export function trusting(
  known: readonly (readonly [port: number, key: Buffer])[],
  more: Partial<ConnectOptions> = {},
): ConnectOptions {
  const file = join(makeFolder(), 'known_hosts');
  const lines = known.map(([port, key]) => knownHostLine(knownHostName('127.0.0.1', port), key));
  if (lines.length > 0) writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  return { knownHosts: { files: [file], acceptNew: false }, connectTimeoutMs: 5000, ...more };
}

const folders: string[] = [];

export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'provision-'));
  folders.push(folder);
  return folder;
}

export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}
