import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from 'provision';
import { problemsOf, type Problem } from '../../../src/core/errors.ts';
import type { Connection } from '../../../src/host/connection.ts';
import { connect, type SshTarget } from '../../../src/ssh/connect.ts';
import { startHost, type HostOptions, type TestHost } from './test-host.ts';
import { currentRun } from './test-run.ts';

/** What a login ended with: a connection, or the problem that its user is told; and the notes of `-vvv`. */
export interface LogIn {
  readonly connection?: Connection;
  readonly problem?: Problem;
  readonly notes: readonly string[];
}

/** A host with a user for each oddity (see `../odd-image/setup.sh`), and a way in as each of them. */
export interface OddHost {
  readonly host: TestHost;
  /** As user, on port 22 of the host unless another is named. Becomes root by sudo unless the name says otherwise. */
  logIn(user: string, more?: Partial<SshTarget> & { become_password?: string }): Promise<LogIn>;
  stop(): Promise<void>;
}

/**
 * Starts a host of oddities.
 * @throws {Error} as `startHost`
 */
export async function startOddHost(options: Partial<HostOptions> = {}): Promise<OddHost> {
  const host = await startHost({ name: 'odd', software: 'odd', ...options });
  await host.write('/etc/ssh/odd_keys', `${currentRun().publicKey}\n`);
  const folder = mkdtempSync(join(tmpdir(), 'provision-odd-'));
  const open: Connection[] = [];
  return {
    host,
    async logIn(user, { become_password: password, ...more } = {}) {
      const notes: string[] = [];
      const target: SshTarget = {
        name: 'odd',
        address: host.address,
        port: host.port,
        user,
        keyFile: host.privateKeyPath,
        fingerprint: host.hostKeyFingerprint,
        become: methodOf(user),
        ...(password !== undefined && { becomePassword: new Secret(password, 'become password') }),
        ...more,
      };
      const knownHosts = { files: [join(folder, 'known_hosts')], acceptNew: false };
      const onDebug = (note: string) => notes.push(note);
      try {
        const connection = await connect(target, { knownHosts, connectTimeoutMs: 30_000, onDebug });
        open.push(connection);
        return { connection, notes };
      } catch (error) {
        return { problem: problemsOf(error)[0], notes };
      }
    },
    async stop() {
      await Promise.all(open.map((connection) => connection.close()));
      rmSync(folder, { recursive: true, force: true });
      await host.stop();
    },
  };
}

function methodOf(user: string): SshTarget['become'] {
  const method = /^(su|doas|root)-/.exec(user)?.[1];
  return method === 'root' ? 'none' : ((method as 'su' | 'doas' | undefined) ?? 'sudo');
}
