import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { AuthContext, Connection, ParsedKey, Server, ServerConfig } from 'ssh2';
import { fingerprint } from '../identity/known-hosts.ts';
import { greet } from './greet.ts';
import type { SshServerOptions } from './ssh-server-options.ts';

/** A running server. */
export interface SshServer {
  /** Of 127.0.0.1. */
  readonly port: number;
  /** The only password that the server accepts, unless it was told otherwise. */
  readonly password: string;
  /** Public host key, the first one of several, in wire format. */
  readonly hostKey: Buffer;
  /** Of the same key, as `fingerprint:` of an inventory wants it: `SHA256:…`. */
  readonly fingerprint: string;
  readonly connections: ReadonlySet<object>;
  /** What was asked for, in order: `auth password`, `exec …`, `sftp`, `forward …`. */
  readonly log: readonly string[];
  /** Drops the connections that are open now, without a word. */
  disconnect(): void;
  close(): Promise<void>;
}

export const password = 'open sesame';

/**
 * Starts an SSH server inside this process, on a free port of loopback. It runs commands with this machine's own
 * `/bin/sh` as the user who runs the tests, and is as ill as its options say.
 * @throws Error when a host key cannot be read
 * @example
 * const server = await startSshServer({ dropAt: 'exec' });
 * // an inventory for it: { host: 127.0.0.1, port: server.port, fingerprint: server.fingerprint, … }
 * await server.close();
 */
export async function startSshServer(options: SshServerOptions = {}): Promise<SshServer> {
  // Loaded when needed: who tests with a host in memory has no use for SSH.
  const { makeKey } = await import('./make-key.ts');
  const { default: ssh2 } = await import('ssh2');
  const { serveConnection } = await import('./serve-connection.ts');
  const hostKeys = (options.hostKeys ?? [makeKey().parsed]).map((key) =>
    typeof key === 'string' ? parsed(ssh2.utils.parseKey(key)) : (key as ParsedKey),
  );
  const connections = new Set<Connection>();
  const log: string[] = [];
  const onConnection = (connection: Connection) => {
    connections.add(connection);
    connection.on('error', () => undefined);
    connection.on('close', () => connections.delete(connection));
    options.onConnection?.(connection);
    connection.on('handshake', () => {
      if (options.dropAt === 'handshake') destroy(connection);
    });
    connection.on('authentication', (attempt) => {
      log.push(`auth ${attempt.method}`);
      if (options.dropAt === 'login') destroy(connection);
      else answer(attempt, options);
    });
    connection.on('ready', () => {
      if (options.dropAt === 'ready') destroy(connection);
      else serveConnection(connection, options, log);
    });
  };
  const serving = (keys: readonly ParsedKey[]): Server =>
    new ssh2.Server(
      {
        hostKeys: keys.map((key) => ({ key })),
        ...(options.algorithms && {
          algorithms: options.algorithms as NonNullable<ServerConfig['algorithms']>,
        }),
        ...(options.banner !== undefined && { banner: options.banner }),
      },
      onConnection,
    );
  const servers = options.changesHostKey ? hostKeys.map((key) => serving([key])) : [serving(hostKeys)];
  const listener = listen(servers, options);
  await new Promise<void>((resolve) => listener.server.listen(0, '127.0.0.1', resolve));
  const hostKey = hostKeys[0]!.getPublicSSH();
  return {
    port: (listener.server.address() as AddressInfo).port,
    password,
    hostKey,
    fingerprint: fingerprint(hostKey),
    connections,
    log,
    disconnect: () => connections.forEach(destroy),
    close: () =>
      new Promise((resolve) => {
        listener.server.close(() => resolve());
        for (const socket of listener.sockets) socket.destroy();
      }),
  };
}

/** Cuts a connection as a crash of the server would: without a word. */
export function destroy(connection: object): void {
  socketOf(connection).destroy();
}

function socketOf(connection: object): Socket {
  return (connection as { _sock: Socket })._sock;
}

function listen(servers: readonly Server[], { greeting, dropAt }: SshServerOptions) {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // ssh2 leaves Nagle's algorithm on, which makes every answer of this server 40 ms late.
    socket.setNoDelay(true);
    if (dropAt === 'connect') socket.destroy();
    else if (greeting) greet(socket, greeting);
    else servers[count++ % servers.length]!.injectSocket(socket);
  });
  return { server, sockets };
}

function parsed(key: ParsedKey | Error): ParsedKey {
  if (key instanceof Error) throw key;
  return key;
}

function answer(attempt: AuthContext, options: SshServerOptions): void {
  if (options.letsAnybodyIn) attempt.accept();
  else if (options.authenticate) options.authenticate(attempt);
  else if (attempt.method === 'password' && attempt.password === password) attempt.accept();
  else attempt.reject(['password']);
}

export type { SshServerOptions } from './ssh-server-options.ts';
