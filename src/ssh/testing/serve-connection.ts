import { connect as connectTcp } from 'node:net';
import type { Connection, ServerChannel, Session } from 'ssh2';
import { sayForEver } from './greet.ts';
import { run } from './run-command.ts';
import { serveFiles } from './sftp-server.ts';
import type { SshServerOptions } from './ssh-server-options.ts';

/** What a client gets that is logged in: commands, SFTP, connections to elsewhere; and what goes wrong with them. */
export function serveConnection(connection: Connection, options: SshServerOptions, log: string[]): void {
  const drop = () => (connection as unknown as { _sock: { destroy(): void } })._sock.destroy();
  let open = 0;
  connection.on('session', (accept, reject) => {
    if (options.dropAt === 'session') return void drop();
    if (open >= (options.maxSessions ?? 10)) return void reject();
    open++;
    const session = accept();
    // sshd, too, counts a session for a moment after the client has seen its end.
    session.on('close', () => setTimeout(() => open--, options.sessionLingerMs ?? 0));
    session.on('exec', (acceptExec, _reject, { command }) => {
      log.push(`exec ${command}`);
      if (options.dropAt === 'exec') return void drop();
      const channel = acceptExec();
      channel.on('error', () => undefined);
      if (options.dropAt === 'output') dropAfterOutput(channel, drop);
      if (options.noise?.stdout) channel.write(options.noise.stdout);
      if (options.noise?.stderr) channel.stderr.write(options.noise.stderr);
      if (options.flood) sayForEver(options.flood === 'stdout' ? channel : channel.stderr, flood);
      if (options.onExec) options.onExec(command, channel, connection);
      else if (!options.deaf && !options.flood) run(command, channel, session, options.env ?? {});
    });
    if (options.sftp !== false) offerSftp(session, options, log, drop);
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

const flood = 'y\n'.repeat(8192);

function offerSftp(session: Session, options: SshServerOptions, log: string[], drop: () => void): void {
  session.on('sftp', (accept) => {
    log.push('sftp');
    if (options.dropAt === 'sftp') return void drop();
    const sftp = accept();
    if (options.dropAt === 'upload') sftp.on('WRITE', () => setImmediate(drop));
    const { diskBytes, sftpRoot: root, sftpNames: names, files } = options;
    serveFiles(sftp, {
      ...(diskBytes !== undefined && { diskBytes }),
      ...(root !== undefined && { root }),
      ...(names && { names }),
      ...files,
    });
  });
}

/** What was said is given time to arrive: the connection ends with the next turn. */
function dropAfterOutput(channel: ServerChannel, drop: () => void): void {
  const write = channel.write.bind(channel) as (...args: unknown[]) => boolean;
  channel.write = (...args: unknown[]) => {
    setImmediate(drop);
    return write(...args);
  };
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
