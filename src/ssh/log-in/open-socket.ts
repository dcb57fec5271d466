import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorCode } from '../../core/errors.ts';
import { ProvisionError } from '../../core/errors.ts';
import type { SshTarget } from '../target.ts';
import { targetError } from '../target.ts';
import { gatherWrites } from './gather-writes.ts';

const retryDelaysMs = [250, 500, 1000];
// A host that sheds load is there, and has room again as soon as others are in.
const retryDelaysWhenShedMs = [...retryDelaysMs, 2000, 2000, 4000, 4000];

/**
 * Does `attempt`, again up to three times when its failure may pass by itself: a host that is just booting, a name
 * server that is busy, sshd shedding load. With jitter, or many hosts behind one address would all come back at once.
 */
export async function retryWhilePassing<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof PassingFailure)) throw error;
      const delay = (error.isShed ? retryDelaysWhenShedMs : retryDelaysMs)[attempts - 1];
      if (delay === undefined) throw withAttempts(error.problem, attempts);
      await sleep(delay * (0.5 + Math.random()), undefined, { ...(signal && { signal }) }).catch(() =>
        signal?.throwIfAborted(),
      );
    }
  }
}

/** A failure that is worth another attempt. */
export class PassingFailure extends Error {
  readonly problem: ProvisionError;
  /** The host is there, but takes no more logins for the moment. */
  readonly isShed: boolean;

  constructor(problem: ProvisionError, isShed = false) {
    super(problem.message);
    this.problem = problem;
    this.isShed = isShed;
  }
}

function withAttempts(error: ProvisionError, attempts: number): ProvisionError {
  const [first] = error.problems;
  const happened = `${first.happened} (${attempts} attempts)`;
  return new ProvisionError({ ...first, happened }, { cause: error.cause });
}

/**
 * A TCP connection to a target, without Nagle's delay.
 * @throws PassingFailure around `CONN_REFUSED` or `DNS`, ProvisionError `CONN_TIMEOUT`, `CONN_REFUSED` or `DNS`
 */
export async function openSocket(
  target: SshTarget,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Socket> {
  signal?.throwIfAborted();
  const { address: host, port, addressFamily: family } = target;
  const socket = connectTcp({ host, port, noDelay: true, ...(family && { family }) });
  let timer: NodeJS.Timeout | undefined;
  let abort: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => reject(timedOut(target, timeoutMs)), timeoutMs);
      abort = () => reject(signal?.reason as Error);
      signal?.addEventListener('abort', abort, { once: true });
      socket.once('connect', resolve);
      // For good: whoever takes the socket over has listeners of its own, but not in every moment of its life.
      socket.on('error', (error) => reject(explain(target, error)));
    });
    return gatherWrites(socket);
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    if (abort) signal?.removeEventListener('abort', abort);
  }
}

function timedOut(target: SshTarget, timeoutMs: number): ProvisionError {
  const happened = `${target.address}:${target.port} did not answer within ${timeoutMs / 1000} s`;
  return targetError(target, 'CONN_TIMEOUT', happened, {
    hostState: 'host untouched',
    remedy: 'check address, port and firewall, and that the host is up',
  });
}

function explain(target: SshTarget, cause: NodeJS.ErrnoException): Error {
  const where = `${target.address}:${target.port}`;
  // With several addresses for one name Node reports all failures together.
  const code =
    cause.code ?? (cause as { errors?: NodeJS.ErrnoException[] }).errors?.[0]?.code ?? cause.message;
  const fail = (kind: ErrorCode, happened: string, remedy: string) =>
    targetError(target, kind, happened, { hostState: 'host untouched', remedy, cause });
  switch (code) {
    case 'ECONNREFUSED':
    case 'ECONNRESET':
      return new PassingFailure(
        fail(
          'CONN_REFUSED',
          `${where} refused the connection`,
          'check that sshd is running there, and the port',
        ),
      );
    case 'EAI_AGAIN':
      return new PassingFailure(
        fail(
          'DNS',
          `the name server did not answer for ${target.address}`,
          'check the name server, or use an IP address',
        ),
      );
    case 'ENOTFOUND':
      return fail(
        'DNS',
        `there is no address for ${target.address}`,
        'check the name in the inventory, or use an IP address',
      );
    case 'ETIMEDOUT':
      return fail(
        'CONN_TIMEOUT',
        `${where} did not answer`,
        'check address, port and firewall, and that the host is up',
      );
    default:
      return fail(
        'CONN_REFUSED',
        `${where} cannot be reached: ${code}`,
        'check the address and the route to it',
      );
  }
}
