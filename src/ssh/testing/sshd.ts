import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fingerprint } from '../identity/known-hosts.ts';

/** How an sshd of a test differs from a plain one. */
export interface SshdOptions {
  /** Lines of `sshd_config`. They win over the ones that are written here; a `Match` block may be among them. */
  readonly configuration?: readonly string[];
  /**
   * Lines of `authorized_keys` for users of this machine; default is one fresh key for the user who runs the tests.
   * An sshd that is not root's lets nobody else in.
   */
  readonly users?: Readonly<Record<string, readonly string[]>>;
  /** Private keys of the host, in the format of ssh-keygen; default is one fresh Ed25519 key. */
  readonly hostKeys?: readonly string[];
  /**
   * Folders of this machine that the server and its logins see empty at first, and alone: `['/root', '/run', '/srv']`. So
   * several of them are several hosts. They are memory. Needs root, and `unshare`.
   */
  readonly ownFolders?: readonly string[];
}

/** A running sshd. */
export interface Sshd {
  readonly port: number;
  readonly pid: number;
  /** Public key of the host, the first one of several, in wire format. */
  readonly hostKey: Buffer;
  /** Of the same key, as `fingerprint:` of an inventory wants it: `SHA256:…`. */
  readonly fingerprint: string;
  /** Who runs the tests. */
  readonly user: string;
  /** A private key that lets `user` in, unless `users` says otherwise. */
  readonly keyFile: string;
  /** A folder that goes away with the server, for whatever its configuration names. */
  readonly folder: string;
  /** What sshd has said so far, at its `LogLevel`. */
  readonly log: string;
  /** Ends the server, not the sessions that are open. Does nothing when it is stopped already. */
  stop(): Promise<void>;
}

const program = '/usr/sbin/sshd';

/** Whether this machine has an sshd that {@link startSshd} can start. */
export const hasSshd = existsSync(program);

/**
 * Starts OpenSSH's own server on a free port of loopback, with a key of its own and a way in for the user who runs it.
 * It needs no root, but lets only the user in who started it then.
 * @throws Error with what sshd says when it does not start
 * @example
 * const sshd = await startSshd({ configuration: ['MaxSessions 1'] });
 * console.log(sshd.port, sshd.user, sshd.keyFile);
 * await sshd.stop();
 * @see sshd_config(5)
 */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const folder = mkdtempSync(join(tmpdir(), 'provision-sshd-'));
  // Loaded when needed: who tests with a host in memory has no use for SSH.
  const { makeKey, publicKeyOf } = await import('./make-key.ts');
  const hostKeys = options.hostKeys ?? [makeKey().private];
  const hostKey = publicKeyOf(hostKeys[0]!);
  const files = writeKeys(folder, hostKeys, makeKey(), options.users);
  // sshd wants this folder for its unprivileged half.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  try {
    const { daemon, port, log } = await listen((free) => {
      const lines = configurationOf(free, folder, files.hostKeys, options.configuration ?? []);
      return write(folder, 'sshd_config', `${lines.join('\n')}\n`);
    }, options.ownFolders);
    return {
      port,
      pid: daemon.pid!,
      hostKey,
      fingerprint: fingerprint(hostKey),
      user: userInfo().username,
      keyFile: files.userKey,
      folder,
      get log() {
        return log();
      },
      async stop() {
        await end(daemon);
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

function writeKeys(
  folder: string,
  hostKeys: readonly string[],
  own: { readonly private: string; readonly public: Buffer; readonly parsed: { readonly type: string } },
  users: SshdOptions['users'],
) {
  const line = `${own.parsed.type} ${own.public.toString('base64')}`;
  for (const [user, lines] of Object.entries(users ?? { [userInfo().username]: [line] }))
    write(folder, `authorized_keys.${user}`, `${lines.join('\n')}\n`, 0o644);
  return {
    userKey: write(folder, 'id', own.private),
    hostKeys: hostKeys.map((key, index) => write(folder, `host_key_${index}`, key)),
  };
}

/** Of a keyword that stands twice, sshd takes the first; a `Match` block goes on up to the end of the file. */
function configurationOf(
  port: number,
  folder: string,
  hostKeys: readonly string[],
  own: readonly string[],
): string[] {
  const match = own.findIndex((line) => /^\s*match\b/i.test(line));
  const border = match < 0 ? own.length : match;
  return [
    ...own.slice(0, border),
    `ListenAddress 127.0.0.1:${port}`,
    ...hostKeys.map((file) => `HostKey ${file}`),
    `AuthorizedKeysFile ${join(folder, 'authorized_keys.%u')}`,
    'StrictModes no',
    'PermitRootLogin prohibit-password',
    'PidFile none',
    ...own.slice(border),
  ];
}

interface Listening {
  readonly daemon: ChildProcess;
  readonly port: number;
  readonly log: () => string;
}

/** Between finding a free port and sshd's taking it another program may come first. */
async function listen(
  configure: (port: number) => string,
  ownFolders: readonly string[] = [],
  attempts = 5,
): Promise<Listening> {
  const port = await freePort();
  const arguments_ = ['-D', '-e', '-f', configure(port)];
  const [command, ...rest] = ownFolders.length > 0 ? apart(ownFolders, arguments_) : [program, ...arguments_];
  const daemon = spawn(command, rest, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  const started = await new Promise<boolean>((resolve) => {
    daemon.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes('Server listening')) resolve(true);
    });
    daemon.once('error', (error) => {
      log += String(error);
      resolve(false);
    });
    daemon.once('exit', () => resolve(false));
  });
  if (started) return { daemon, port, log: () => log };
  if (attempts > 1 && log.includes('Address already in use'))
    return listen(configure, ownFolders, attempts - 1);
  throw new Error(`sshd did not start: ${log.trim()}`);
}

/** The command that starts it in a mount namespace of its own. What is mounted there goes away with its last process. */
function apart(folders: readonly string[], arguments_: readonly string[]): [string, ...string[]] {
  const mount = `for folder in ${folders.join(' ')}; do mount -t tmpfs -o mode=0755 provision-sshd "$folder" || exit; done`;
  const start = `${mount}; mkdir -p /run/sshd && exec ${program} "$@"`;
  return ['unshare', '--mount', '--', '/bin/sh', '-c', start, 'sh', ...arguments_];
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  const ended = new Promise((resolve) => daemon.once('exit', resolve));
  daemon.kill();
  await ended;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function write(folder: string, name: string, text: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode });
  return path;
}
