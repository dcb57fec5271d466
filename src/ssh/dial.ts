import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import type { Link } from './link.ts';
import { streamInTime } from './stream-in-time.ts';
import type { SshTarget } from './target.ts';
import { targetError } from './target.ts';

/**
 * A TCP connection from the host to `address:port`.
 *
 * Where sshd forbids forwarding, a loopback address is tried from here, at the host's own address: right for services
 * that listen on all addresses, and refused by those that do not.
 * @throws ProvisionError `CONN_REFUSED`, `CONN_TIMEOUT` or `CONN_LOST`
 */
export async function dial(link: Link, address: string, port: number, timeoutMs: number): Promise<Duplex> {
  const where = `${address}:${port}`;
  const late = () => tooLate(link.target, where, timeoutMs);
  try {
    return await streamInTime(timeoutMs, forward(link, address, port), late);
  } catch (error) {
    const { reason, message } = error as { reason?: unknown; message?: string };
    if (typeof reason !== 'number') throw error;
    if (reason === openFailure.connectFailed) throw notConnected(link.target, where, message ?? '');
    if (!isLoopback(address)) throw forbidden(link.target, where);
    link.debug(`forwarding is not allowed; ${where} is tried at ${link.target.address}`);
    const nearby = link.through
      ? forward(link.through, link.target.address, port)
      : direct(link.target, port);
    return streamInTime<Duplex>(timeoutMs, nearby, late);
  }
}

/** @see https://www.rfc-editor.org/rfc/rfc4254#section-5.1 */
const openFailure = { connectFailed: 2 } as const;

function forward(link: Link, address: string, port: number): Promise<ClientChannel> {
  return link.channels.forward<ClientChannel>(
    (done) => void link.client.forwardOut('127.0.0.1', 0, address, port, done),
    `connect to ${address}:${port}`,
  );
}

function direct(target: SshTarget, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host: target.address, port, noDelay: true });
    socket.once('connect', () => resolve(socket));
    socket.on('error', (error) => reject(notConnected(target, `${target.address}:${port}`, error.message)));
  });
}

function tooLate(target: SshTarget, where: string, timeoutMs: number): Error {
  const happened = `${where} did not answer within ${timeoutMs / 1000} s, as seen from the host`;
  return targetError(target, 'CONN_TIMEOUT', happened, {
    remedy: 'check that the service is up and its firewall',
  });
}

function notConnected(target: SshTarget, where: string, message: string): Error {
  const timedOut = /timed? ?out/i.test(message);
  const happened = `${where} ${timedOut ? 'did not answer' : 'refused the connection'}, as seen from the host`;
  return targetError(target, timedOut ? 'CONN_TIMEOUT' : 'CONN_REFUSED', happened, {
    remedy: 'check that the service is up and listens there',
  });
}

function forbidden(target: SshTarget, where: string): Error {
  return targetError(target, 'CONN_REFUSED', `sshd does not forward a connection to ${where}`, {
    remedy: 'set "AllowTcpForwarding local" in sshd_config on the host',
  });
}

function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || address.startsWith('127.');
}
