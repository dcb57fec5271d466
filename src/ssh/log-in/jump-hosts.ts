import { errorCodes, ProvisionError } from '../../core/errors.ts';
import type { Link } from '../link.ts';
import type { LogInOptions } from './log-in.ts';
import { prepareLogIn } from './log-in.ts';
import type { SshTarget } from '../target.ts';

// Hosts that are due one after the other need not wait for the same silence again and again.
const failureCountsMs = 30_000;

interface Known {
  readonly login: Promise<Link>;
  /** Whether a new login may be tried. */
  isOver(): boolean;
}

/**
 * The jump hosts of a run: one login each, shared by all hosts behind it. What a jump host has refused is not tried again;
 * one that was lost is reached again by the next host that needs it.
 * @example
 * const jumps = new JumpHosts({ knownHosts, connectTimeoutMs: 10_000 });
 * const connection = await connect(target, { …, jumpHosts: jumps });
 * await jumps.close();
 */
export class JumpHosts {
  readonly #options: LogInOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: Omit<LogInOptions, 'reachJump'>) {
    this.#options = { ...options, reachJump: (jump, signal) => this.reach(jump, signal) };
  }

  /** The login to a jump host. An aborted signal ends the wait, not the login: others wait for it, too. */
  async reach(jump: SshTarget, signal?: AbortSignal): Promise<Link> {
    const key = routeOf(jump);
    const known = this.#known.get(key);
    const current = known && !known.isOver() ? known : this.#start(key, jump);
    return abortable(current.login, signal);
  }

  /** Ends all logins. */
  async close(): Promise<void> {
    const all = [...this.#known.values()];
    this.#known.clear();
    await Promise.all(
      all.map(async ({ login }) => {
        const link = await login.catch(() => undefined);
        link?.lifeline.end('it was closed from here');
        link?.client.end();
      }),
    );
  }

  #start(key: string, jump: SshTarget): Known {
    let link: Link | undefined;
    let failure: { error: unknown; at: number } | undefined;
    const login = prepareLogIn(jump, this.#options).then((logIn) => logIn());
    login.then(
      (opened) => void (link = opened),
      (error: unknown) => void (failure = { error, at: performance.now() }),
    );
    const isOver = () =>
      link?.lifeline.ended === true ||
      (failure !== undefined && mayPass(failure.error) && performance.now() - failure.at > failureCountsMs);
    const known = { login, isOver };
    this.#known.set(key, known);
    return known;
  }
}

/** Refused logins and host keys stay refused: to ask again could lock an account. */
function mayPass(error: unknown): boolean {
  if (!(error instanceof ProvisionError)) return false;
  return errorCodes[error.code] === errorCodes.CONN_LOST && error.code !== 'AUTH';
}

/** The same for two targets that one login serves. */
export function routeOf(target: SshTarget): string {
  const { user, address, port, hostKeyAlias = '', fingerprint = '', keyFile = '', jump } = target;
  const own = [user, address, port, hostKeyAlias, fingerprint, keyFile].join('\n');
  return jump ? `${routeOf(jump)}\n\n${own}` : own;
}

function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
