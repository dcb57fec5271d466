import type { Socket } from 'node:net';
import type { Connection } from '../host/connection.ts';
import { dial } from './dial.ts';
import type { KnownHostsOptions } from './identity/host-keys.ts';
import { takeLock, type HeldLock, type LockOptions } from './lock/host-lock.ts';
import { JumpHosts } from './log-in/jump-hosts.ts';
import type { Link } from './link.ts';
import type { LogInPace } from './log-in/log-in-pace.ts';
import { prepareLogIn } from './log-in/log-in.ts';
import { Shell } from './shell/shell.ts';
import type { SshTarget } from './target.ts';
import { targetError } from './target.ts';
import { Uploads } from './files/upload.ts';

export interface ConnectOptions {
  readonly knownHosts: KnownHostsOptions;
  /** For the TCP connection, and again for the SSH handshake with login. */
  readonly connectTimeoutMs: number;
  /** Default: every 10 s, given up after 3 without an answer. */
  readonly keepalive?: { readonly intervalMs: number; readonly countMax: number };
  /** How long an upload may stand still while the connection lives. Default 60 s. */
  readonly uploadStallMs?: number;
  /** Ends an attempt to connect; has no meaning afterwards. */
  readonly signal?: AbortSignal;
  /** Notes for whoever looks for the reason of something odd. Never given a secret. */
  readonly onDebug?: (text: string) => void;
  /** The jump hosts of a run. Without them, each connection logs in to its own. */
  readonly jumpHosts?: JumpHosts;
  /** Shared by the connections of a run. */
  readonly pace?: LogInPace;
}

/**
 * Opens an SSH connection to a host whose identity is proven, with a shell that has the rights of steps.
 * Checks key files before it contacts anything; tries each credential once.
 * @throws ProvisionError `KEY_FILE`, `HOSTKEY_UNKNOWN`, `HOSTKEY_CHANGED`, `HOSTKEY_REVOKED`, `DNS`, `CONN_REFUSED`,
 *   `CONN_TIMEOUT`, `CONN_LOST`, `NOT_SSH`, `ALGORITHM`, `AUTH`, `NO_SHELL`, `BECOME_PASSWORD_REQUIRED`,
 *   `BECOME_BAD_PASSWORD`, `BECOME_DENIED` or `BECOME_FAILED`; what `signal` was aborted with
 * @example
 * const connection = await connect(
 *   { name: 'lb-1', address: '10.0.0.5', port: 22, user: 'deploy', keyFile: '/home/me/.ssh/id_ed25519', become: 'sudo' },
 *   { knownHosts: { files: ['/home/me/.ssh/known_hosts'], acceptNew: false }, connectTimeoutMs: 10_000 },
 * );
 */
export async function connect(target: SshTarget, options: ConnectOptions): Promise<SshConnection> {
  const open = await prepareConnect(target, options);
  return open(options.signal);
}

/** A connection that tells when it is over. */
export interface SshConnection extends Connection {
  /** Whether the line is known to be down, or was closed: no call will be answered any more. */
  readonly ended: boolean;
  /** Takes the lock of the host, for as long as the connection lives. @throws ProvisionError as `takeLock` */
  lock(options: LockOptions, signal?: AbortSignal): Promise<HeldLock>;
}

/** Opens a connection, again and again if need be. An aborted signal ends the attempt. */
export type OpenConnection = (signal?: AbortSignal) => Promise<SshConnection>;

/**
 * Reads and checks all that a connection needs, and contacts nothing. Whatever is opened with the outcome goes to the
 * same machine: one that shows another host key later is refused.
 * @throws ProvisionError `KEY_FILE`, `AUTH` (no agent), `SUDO` or `HOSTKEY_UNKNOWN` (unreadable known_hosts)
 */
export async function prepareConnect(target: SshTarget, options: ConnectOptions): Promise<OpenConnection> {
  refuseLineBreaks(target);
  const own = target.jump && !options.jumpHosts ? new JumpHosts(options) : undefined;
  const jumps = options.jumpHosts ?? own;
  const openLink = await prepareLogIn(target, {
    ...options,
    ...(jumps && { reachJump: (jump, signal) => jumps.reach(jump, signal) }),
  });
  const open = async (signal?: AbortSignal) =>
    openShell(await openLink(signal), { ...options, ...(signal && { signal }) });
  return own ? closingAfter(open, own) : open;
}

async function openShell(link: Link, { signal, uploadStallMs }: ConnectOptions): Promise<SshConnection> {
  const shell = new Shell(link);
  const uploads = new Uploads(link, shell, uploadStallMs);
  const close = () => hangUp(link, shell, uploads);
  const abort = () => link.lifeline.end('the attempt was given up');
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await shell.open();
  } catch (error) {
    await close();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
  return {
    get ended() {
      return link.lifeline.ended;
    },
    execute: (script, executeOptions) => shell.execute(script, executeOptions),
    upload: (content, near, uploadOptions) => uploads.upload(content, near, uploadOptions),
    dial: (address, port, timeoutMs) => dial(link, address, port, timeoutMs),
    lock: (lockOptions, lockSignal) => takeLock(link, shell, lockOptions, lockSignal),
    close,
  };
}

function closingAfter(open: OpenConnection, jumps: JumpHosts): OpenConnection {
  return async (signal) => {
    const connection = await open(signal).catch(async (error: unknown) => {
      await jumps.close();
      throw error;
    });
    const closeIt = connection.close.bind(connection);
    const close = async () => {
      await closeIt();
      await jumps.close();
    };
    return Object.defineProperty(connection, 'close', { value: close });
  };
}

/** A password is read up to the end of the line: behind sudo, the rest would be read by the shell, as a command. */
function refuseLineBreaks(target: SshTarget): void {
  if (!target.becomePassword || !/[\r\n\0]/.test(target.becomePassword.reveal())) return;
  throw targetError(target, 'BECOME_FAILED', 'the become password holds a line break', {
    hostState: 'nothing was contacted',
    remedy: 'check where it comes from: a file must hold the password alone',
  });
}

const patienceMs = 2000;

/** Never rejects and never takes longer than a few seconds, whatever the host does. */
async function hangUp(link: Link, shell: Shell, uploads: Uploads): Promise<void> {
  if (!link.lifeline.ended) await atMost(patienceMs, uploads.close());
  shell.close();
  const closed = new Promise<void>((resolve) => link.client.once('close', () => resolve()));
  const { _sock: socket } = link.client as unknown as { _sock?: Socket };
  link.lifeline.end('it was closed from here');
  if (!socket || socket.destroyed) return;
  link.client.end();
  await atMost(patienceMs, closed);
  socket.destroy();
}

function atMost(ms: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    work.then(done, done);
  });
}

export type { SshTarget } from './target.ts';
