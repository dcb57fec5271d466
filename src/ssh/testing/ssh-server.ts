import { spawn } from 'node:child_process';
import { connect as connectTcp } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import ssh2 from 'ssh2';
import type { AuthContext, Connection, ParsedKey, ServerChannel, ServerConfig, Session } from 'ssh2';
import { makeKey } from './make-key.ts';
import { serveFiles } from './sftp-server.ts';

export interface SshServerOptions {
  /** Private keys of the host; default is one fresh Ed25519 key. */
  readonly hostKeys?: readonly ParsedKey[];
  readonly algorithms?: ServerConfig['algorithms'];
  /** Called with each connection before the exchange of keys. */
  readonly onConnection?: (connection: Connection) => void;
  /** Decides over each attempt to log in; default accepts the password `open sesame`. */
  readonly authenticate?: (attempt: AuthContext) => void;
  /** Environment of everything that runs; its PATH is where a test puts a sudo of its own. */
  readonly env?: Record<string, string>;
  /** Takes the place of running the command with `sh -c`. */
  readonly onExec?: (command: string, channel: ServerChannel, connection: Connection) => void;
  /** Sessions that may be open at a time, as `MaxSessions` of sshd. */
  readonly maxSessions?: number;
  readonly sessionLingerMs?: number;
  readonly sftp?: boolean;
  /** Folder that SFTP shows as the root (chroot). */
  readonly sftpRoot?: string;
  /** Bytes that SFTP can write before the disk is full. */
  readonly diskBytes?: number;
  readonly forwarding?: boolean;
}

export interface SshServer {
  readonly port: number;
  /** Public host key in wire format. */
  readonly hostKey: Buffer;
  readonly connections: ReadonlySet<Connection>;
  /** What was asked for, in order: `auth password`, `exec …`, `sftp`, `forward …`. */
  readonly log: readonly string[];
  close(): Promise<void>;
}

export const password = 'open sesame';

/** An SSH server inside this process that runs commands with the machine's own `/bin/sh`. For tests only. */
export async function startSshServer(options: SshServerOptions = {}): Promise<SshServer> {
  const hostKeys = options.hostKeys ?? [makeKey().parsed];
  const connections = new Set<Connection>();
  const log: string[] = [];
  const server = new ssh2.Server(
    {
      hostKeys: hostKeys.map((key) => ({ key })),
      ...(options.algorithms && { algorithms: options.algorithms }),
    },
    (connection) => {
      connections.add(connection);
      // ssh2 leaves Nagle's algorithm on, which makes every answer of this server 40 ms late.
      socketOf(connection).setNoDelay(true);
      options.onConnection?.(connection);
      connection.on('error', () => undefined);
      connection.on('close', () => connections.delete(connection));
      connection.on('authentication', (attempt) => {
        log.push(`auth ${attempt.method}`);
        (options.authenticate ?? onlyPassword)(attempt);
      });
      connection.on('ready', () => serve(connection, options, log));
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    hostKey: hostKeys[0]!.getPublicSSH(),
    connections,
    log,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const connection of connections) destroy(connection);
      }),
  };
}

/** Cuts a connection as a crash of the server would: without a word. */
export function destroy(connection: Connection): void {
  socketOf(connection).destroy();
}

export function socketOf(connection: Connection): Socket {
  return (connection as unknown as { _sock: Socket })._sock;
}

function onlyPassword(attempt: AuthContext): void {
  if (attempt.method === 'password' && attempt.password === password) attempt.accept();
  else attempt.reject(['password']);
}

function serve(connection: Connection, options: SshServerOptions, log: string[]): void {
  let open = 0;
  connection.on('session', (accept, reject) => {
    if (open >= (options.maxSessions ?? 10)) return void reject();
    open++;
    const session = accept();
    // sshd, too, counts a session for a moment after the client has seen its end.
    session.on('close', () => setTimeout(() => open--, options.sessionLingerMs ?? 0));
    session.on('exec', (acceptExec, _reject, { command }) => {
      log.push(`exec ${command}`);
      const channel = acceptExec();
      channel.on('error', () => undefined);
      if (options.onExec) options.onExec(command, channel, connection);
      else run(command, channel, session, options.env ?? {});
    });
    if (options.sftp !== false) {
      session.on('sftp', (acceptSftp) => {
        log.push('sftp');
        const { diskBytes, sftpRoot: root } = options;
        serveFiles(acceptSftp(), {
          ...(diskBytes !== undefined && { diskBytes }),
          ...(root !== undefined && { root }),
        });
      });
    }
  });
  connection.on('tcpip', (accept, reject, { destIP, destPort }) => {
    log.push(`forward ${destIP}:${destPort}`);
    if (options.forwarding === false) return void refuseForwarding(connection, reject);
    const socket = connectTcp({ host: destIP, port: destPort });
    socket.once('connect', () => {
      const channel = accept();
      channel.on('error', () => undefined);
      channel.pipe(socket).pipe(channel);
    });
    socket.on('error', () => reject());
  });
}

/** ssh2 has no way to say "administratively prohibited", which is what sshd says. */
function refuseForwarding(connection: Connection, reject: () => void): void {
  const { _protocol: protocol } = connection as unknown as {
    _protocol: { channelOpenFail(recipient: number, reason: number, text: string): void };
  };
  const original = protocol.channelOpenFail.bind(protocol);
  protocol.channelOpenFail = (recipient) => original(recipient, 1, 'open failed');
  reject();
  protocol.channelOpenFail = original;
}

/** Runs a command in its own process group, as sshd does. */
export function run(
  command: string,
  channel: ServerChannel,
  session: Session | undefined,
  env: Record<string, string>,
): void {
  const child = spawn('/bin/sh', ['-c', command], {
    detached: true,
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/tmp', ...env },
  });
  child.stdin.on('error', () => undefined);
  channel.pipe(child.stdin);
  child.stdout.on('data', (chunk: Buffer) => channel.write(chunk));
  child.stderr.on('data', (chunk: Buffer) => channel.stderr.write(chunk));
  session?.on('signal', (_accept, _reject, { name }) => {
    try {
      process.kill(-child.pid!, `SIG${name}`);
    } catch {
      // It has just ended.
    }
  });
  child.on('exit', (code, signal) => {
    if (signal === null) channel.exit(code ?? 255);
    else channel.exit(signal.replace(/^SIG/, ''));
  });
  child.on('close', () => channel.end());
  channel.on('close', () => {
    child.stdin.end();
    child.stdout.destroy();
    child.stderr.destroy();
  });
}
