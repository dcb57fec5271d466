import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import { ProvisionError } from '../../core/errors.ts';
import { Channels } from '../channels.ts';
import type { Credential } from './credentials.ts';
import { loadCredentials } from './credentials.ts';
import { handshake } from './handshake.ts';
import type { KnownHostsOptions } from '../identity/host-keys.ts';
import { HostKeys } from '../identity/host-keys.ts';
import { Lifeline } from '../lifeline.ts';
import type { Link } from '../link.ts';
import type { LogInPace } from './log-in-pace.ts';
import { retryWhilePassing } from './open-socket.ts';
import type { ReachJump } from './open-stream.ts';
import { openStream } from './open-stream.ts';
import type { SshTarget } from '../target.ts';

export interface LogInOptions {
  readonly knownHosts: KnownHostsOptions;
  readonly connectTimeoutMs: number;
  readonly keepalive?: { readonly intervalMs: number; readonly countMax: number };
  readonly signal?: AbortSignal;
  readonly onDebug?: (text: string) => void;
  /** How hosts behind a jump host are reached. */
  readonly reachJump?: ReachJump;
  /** Shared by all logins of a run. */
  readonly pace?: LogInPace;
}

/** Logs in to the host, which must be the same machine each time. An aborted signal ends the attempt. */
export type LogIn = (signal?: AbortSignal) => Promise<Link>;

/**
 * Reads all that a login needs, and returns the login itself. Contacts nothing before that is called.
 * @throws ProvisionError `KEY_FILE`, `AUTH` (no agent) or `HOSTKEY_UNKNOWN` (unreadable known_hosts)
 */
export async function prepareLogIn(target: SshTarget, options: LogInOptions): Promise<LogIn> {
  const credentials = await loadCredentials(target);
  const hostKeys = await HostKeys.load(target, options.knownHosts);
  return async function logIn(signal = options.signal): Promise<Link> {
    const attempt = () =>
      tryKeyTypes(target, credentials, hostKeys, { ...options, ...(signal && { signal }) });
    const place = `${target.jump?.name ?? ''} ${target.address}:${target.port}`;
    const paced = () => (options.pace ? options.pace.run(place, attempt) : attempt());
    const { client, through } = await retryWhilePassing(paced, signal);
    const lifeline = watch(client, new Lifeline(target), through);
    const debug = (text: string) => options.onDebug?.(text);
    const channels = new Channels(lifeline);
    return { target, client, lifeline, channels, debug, again: () => logIn(), ...(through && { through }) };
  };
}

/** A pin does not say of which type its key is, and a host shows one key at a time: it is asked for the others in turn. */
async function tryKeyTypes(
  target: SshTarget,
  credentials: readonly Credential[],
  hostKeys: HostKeys,
  options: LogInOptions,
): Promise<LoggedIn> {
  let mismatch: unknown;
  for (const algorithms of hostKeys.algorithms()) {
    try {
      return await attemptLogIn(target, credentials, hostKeys, algorithms, options);
    } catch (error) {
      const code = error instanceof ProvisionError ? error.code : undefined;
      if (code !== 'HOSTKEY_CHANGED' && (code !== 'ALGORITHM' || !mismatch)) throw error;
      mismatch ??= error;
    }
  }
  throw mismatch;
}

async function attemptLogIn(
  target: SshTarget,
  credentials: readonly Credential[],
  hostKeys: HostKeys,
  algorithms: readonly string[],
  options: LogInOptions,
): Promise<LoggedIn> {
  const { connectTimeoutMs: timeoutMs = options.connectTimeoutMs } = target;
  const { reachJump = noJumps } = options;
  const { stream: socket, through } = await openStream(target, timeoutMs, reachJump, options.signal);
  const abort = () => socket.destroy();
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    const client = await handshake(socket, {
      target,
      credentials,
      algorithms,
      verifyHost: (key) => hostKeys.verify(key),
      onIdentityProven: () => hostKeys.remember(),
      timeoutMs,
      keepalive: target.keepalive ?? options.keepalive ?? { intervalMs: 10_000, countMax: 3 },
    });
    return { client, ...(through && { through }) };
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

interface LoggedIn {
  readonly client: Client;
  /** The jump host that it goes through. */
  readonly through?: Link;
}

function noJumps(jump: SshTarget): Promise<Link> {
  throw new Error(`nothing reaches jump host ${jump.name}`);
}

function watch(client: Client, lifeline: Lifeline, through: Link | undefined): Lifeline {
  const end = (cause: string) =>
    lifeline.end(through?.lifeline.ended ? `jump host ${through.target.name} was lost` : cause);
  client.on('error', (error) => end(error.message));
  client.on('end', () => end('the host ended it'));
  client.on('close', () => end('the host closed it'));
  // Before ssh2 itself hears of it, and ends all that goes through: what waits for a channel is told the real cause.
  const { _sock: stream } = client as unknown as { readonly _sock?: Duplex };
  stream?.prependListener('end', () => end('the host ended it'));
  stream?.prependListener('close', () => end('the host closed it'));
  return lifeline;
}
