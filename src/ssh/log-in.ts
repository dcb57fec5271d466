import type { Client } from 'ssh2';
import { ProvisionError } from '../core/errors.ts';
import { Channels } from './channels.ts';
import type { Credential } from './credentials.ts';
import { loadCredentials } from './credentials.ts';
import { handshake } from './handshake.ts';
import type { KnownHostsOptions } from './host-keys.ts';
import { HostKeys } from './host-keys.ts';
import { Lifeline } from './lifeline.ts';
import type { Link } from './link.ts';
import { openSocket, retryWhilePassing } from './open-socket.ts';
import type { SshTarget } from './target.ts';

export interface LogInOptions {
  readonly knownHosts: KnownHostsOptions;
  readonly connectTimeoutMs: number;
  readonly keepalive?: { readonly intervalMs: number; readonly countMax: number };
  readonly signal?: AbortSignal;
  readonly onDebug?: (text: string) => void;
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
    const client = await retryWhilePassing(attempt, signal);
    const lifeline = watch(client, new Lifeline(target));
    const debug = (text: string) => options.onDebug?.(text);
    return { target, client, lifeline, channels: new Channels(lifeline), debug, again: () => logIn() };
  };
}

/** A pin does not say of which type its key is, and a host shows one key at a time: it is asked for the others in turn. */
async function tryKeyTypes(
  target: SshTarget,
  credentials: readonly Credential[],
  hostKeys: HostKeys,
  options: LogInOptions,
): Promise<Client> {
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
): Promise<Client> {
  const socket = await openSocket(target, options.connectTimeoutMs, options.signal);
  const abort = () => socket.destroy();
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    return await handshake(socket, {
      target,
      credentials,
      algorithms,
      verifyHost: (key) => hostKeys.verify(key),
      onIdentityProven: () => hostKeys.remember(),
      timeoutMs: options.connectTimeoutMs,
      keepalive: options.keepalive ?? { intervalMs: 10_000, countMax: 3 },
    });
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

function watch(client: Client, lifeline: Lifeline): Lifeline {
  client.on('error', (error) => lifeline.end(error.message));
  client.on('end', () => lifeline.end('the host ended it'));
  client.on('close', () => lifeline.end('the host closed it'));
  return lifeline;
}
