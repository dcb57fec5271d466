import type { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import { ProvisionError } from '../../core/errors.ts';
import type { Link } from '../link.ts';
import { streamInTime } from '../stream-in-time.ts';
import type { SshTarget } from '../target.ts';
import { oneLine, targetError } from '../target.ts';
import { openSocket, PassingFailure } from './open-socket.ts';

/** Logs in to a jump host, or gives the login that there is. */
export type ReachJump = (jump: SshTarget, signal?: AbortSignal) => Promise<Link>;

/** A stream to the SSH server of a target, and the jump host that it goes through. */
export interface OpenedStream {
  readonly stream: Duplex;
  readonly through?: Link;
}

/**
 * Reaches a target by TCP, or through its jump host.
 * @throws PassingFailure around `CONN_REFUSED`, `CONN_LOST` or `DNS`, ProvisionError for all that waiting does not mend
 */
export async function openStream(
  target: SshTarget,
  timeoutMs: number,
  reachJump: ReachJump,
  signal?: AbortSignal,
): Promise<OpenedStream> {
  if (!target.jump) return { stream: await openSocket(target, timeoutMs, signal) };
  const through = await reachJump(target.jump, signal).catch((error: unknown) => {
    throw atJump(target, target.jump!, error);
  });
  const stream = await streamInTime(timeoutMs, forward(target, through), () => tooLate(target, timeoutMs));
  if (signal?.aborted) stream.destroy();
  signal?.throwIfAborted();
  return { stream, through };
}

/** The same problem as one of the host behind: it says which hop it is about. */
function atJump(target: SshTarget, jump: SshTarget, error: unknown): unknown {
  if (!(error instanceof ProvisionError)) return error;
  const [first] = error.problems;
  const happened = `jump host ${jump.name}: ${first.happened}`;
  const { hostState: _jumps, ...story } = first;
  return new ProvisionError(
    { ...story, host: target.name, happened, hostState: 'host untouched' },
    { cause: error },
  );
}

/** @see https://www.rfc-editor.org/rfc/rfc4254#section-5.1 */
const openFailure = { prohibited: 1, connectFailed: 2 } as const;

async function forward(target: SshTarget, through: Link): Promise<ClientChannel> {
  const { client, lifeline } = through;
  const opening = new Promise<ClientChannel>((resolve, reject) => {
    // Not counted with the channels of the jump host: MaxSessions of sshd is about sessions.
    client.forwardOut('127.0.0.1', 0, target.address, target.port, (error, channel) => {
      if (error) reject(error);
      else resolve(channel);
    });
  });
  try {
    return await lifeline.guard(opening, `reaching ${target.address}:${target.port}`);
  } catch (error) {
    throw notForwarded(target, through.target, error);
  }
}

function notForwarded(target: SshTarget, jump: SshTarget, error: unknown): unknown {
  const { reason, message = '' } = error as { reason?: unknown; message?: string };
  if (typeof reason !== 'number') {
    const lost = targetError(target, 'CONN_LOST', `jump host ${jump.name} was lost: ${oneLine(message)}`, {
      hostState: 'host untouched',
      remedy: 'run again; look at the log of sshd on the jump host when it happens again',
    });
    return new PassingFailure(lost);
  }
  const where = `${target.address}:${target.port}`;
  if (reason === openFailure.prohibited) {
    return targetError(target, 'CONN_REFUSED', `jump host ${jump.name} does not forward to ${where}`, {
      hostState: 'host untouched',
      remedy: 'set "AllowTcpForwarding local" and PermitOpen in sshd_config of the jump host',
    });
  }
  const said = oneLine(message.replace(/^\(SSH\) Channel open failure: /, ''));
  const isName = /resol|not known|no address|name server/i.test(said);
  const refused = targetError(
    target,
    isName ? 'DNS' : 'CONN_REFUSED',
    `${where} cannot be reached from jump host ${jump.name}: ${said}`,
    {
      hostState: 'host untouched',
      remedy: isName
        ? 'give the address that the jump host knows the host by'
        : 'check that sshd is running there, the port, and the way from the jump host',
    },
  );
  return reason === openFailure.connectFailed && !isName ? new PassingFailure(refused) : refused;
}

function tooLate(target: SshTarget, timeoutMs: number): Error {
  const where = `${target.address}:${target.port}`;
  const happened = `${where} did not answer jump host ${target.jump!.name} within ${timeoutMs / 1000} s`;
  const remedy = 'check address, port and firewall, and that the host is up';
  return targetError(target, 'CONN_TIMEOUT', happened, { hostState: 'host untouched', remedy });
}
