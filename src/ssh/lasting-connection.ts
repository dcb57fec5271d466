import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorCode } from '../core/errors.ts';
import { problemsOf } from '../core/errors.ts';
import { Script } from '../core/script.ts';
import type { Connection } from '../host/connection.ts';
import type { ConnectOptions, OpenConnection, SshConnection } from './connect.ts';
import { prepareConnect } from './connect.ts';
import type { HeldLock, LockOptions } from './lock/host-lock.ts';
import type { SshTarget } from './target.ts';
import { destination, targetError } from './target.ts';

export interface LastingOptions extends ConnectOptions {
  /** How long a host that was lost is tried, in milliseconds: long enough for a reboot. 0: not at all. */
  readonly reconnectMs: number;
  /** Ends an attempt to connect, also one to reach a lost host again; what is under way on a live line goes on. */
  readonly signal?: AbortSignal;
  /** Called with what is being waited for. */
  readonly progress?: (text: string) => void;
  /** Called each time that the line turns out to be down. */
  readonly onLost?: () => void;
  /** Called each time that the host is reached again, before anything is done there. */
  readonly onRegained?: (regained: Regained) => void;
}

/** How a host that was lost came back. */
export interface Regained {
  /** Milliseconds since it was found to be lost. */
  readonly afterMs: number;
  /** Whether it was started anew in between; undefined when that cannot be told. */
  readonly rebooted: boolean | undefined;
}

/** A connection that outlives the line it runs over. */
export interface LastingConnection extends Connection {
  /**
   * How often work was, or may have been, interrupted: by a line that broke or a shell that ended. What failed while
   * this grew has an unknown outcome, whatever its error says.
   */
  readonly losses: number;
  /**
   * Takes the lock of the host, and takes it again whenever the host is reached again. When somebody else had it in
   * between, the call that reached the host rejects with `CONN_LOST`, since what was read before may be wrong by now.
   * @throws ProvisionError `LOCKED`, `CONN_LOST`
   */
  lock(options: LockOptions): Promise<HeldLock>;
}

/**
 * Opens a connection that is made again when it breaks. Whatever was under way then rejects with `CONN_LOST`, for its
 * outcome is unknown; the next call reaches the host again first. A host that stays lost, shows another key or refuses
 * the login is given up: every later call rejects at once with the same error.
 * @throws ProvisionError as `connect`
 * @example
 * const connection = await connectLasting(target, { ...options, reconnectMs: 300_000, progress: console.log });
 */
export async function connectLasting(target: SshTarget, options: LastingOptions): Promise<LastingConnection> {
  const open = await prepareConnect(target, options);
  return new ReconnectingConnection(target, options, open, await open(options.signal));
}

// A login that is refused would be refused again, and count as an attack; a key that changed is a matter for a person.
const passing: readonly ErrorCode[] = ['CONN_REFUSED', 'CONN_TIMEOUT', 'CONN_LOST', 'DNS', 'NO_SHELL'];
const delaysMs = [100, 1000, 2000, 4000, 8000, 10_000];
/** A line that breaks again before this is no recovery: the pauses go on growing. */
const stableMs = 10_000;
const tickMs = 2000;

interface Reached {
  readonly connection: SshConnection;
  readonly boot: string;
  readonly lock: HeldLock | undefined;
}

class ReconnectingConnection implements LastingConnection {
  readonly #target: SshTarget;
  readonly #options: LastingOptions;
  readonly #open: OpenConnection;
  readonly #closing = new AbortController();
  #current: SshConnection;
  #reaching: Promise<SshConnection> | undefined;
  #givenUp: Error | undefined;
  #boot: Promise<string>;
  #losses = 0;
  /** The broken connection that is counted already. */
  #counted: SshConnection | undefined;
  #attempt = 0;
  #lockOptions: LockOptions | undefined;
  #lock: { readonly held: HeldLock; readonly on: SshConnection } | undefined;
  #regainedAt = -Infinity;

  constructor(target: SshTarget, options: LastingOptions, open: OpenConnection, first: SshConnection) {
    this.#target = target;
    this.#options = options;
    this.#open = open;
    this.#current = first;
    this.#boot = bootOf(first).catch(() => '');
  }

  get losses(): number {
    return this.#losses;
  }

  execute: Connection['execute'] = (script, options) =>
    this.#watch((connection) => connection.execute(script, options));

  upload: Connection['upload'] = (content, near, options) =>
    this.#watch((connection) => connection.upload(content, near, options));

  dial: Connection['dial'] = async (address, port, timeoutMs) => {
    const connection = await this.#live();
    // CONN_LOST may be about the service that was dialled: only a line that is down is a loss.
    return connection.dial(address, port, timeoutMs).catch((error: unknown) => {
      if (connection.ended) this.#count(connection);
      throw error;
    });
  };

  async lock(options: LockOptions): Promise<HeldLock> {
    this.#lockOptions = options;
    return this.#watch((connection) => this.#takeLock(connection, options));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#reaching?.catch(() => undefined);
    if (!this.#current.ended) await this.#lock?.held.release();
    await this.#current.close();
  }

  async #takeLock(on: SshConnection, options: LockOptions): Promise<HeldLock> {
    const { signal } = this.#options;
    const ends = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])]);
    if (this.#lock?.on !== on) this.#lock = { held: await on.lock(options, ends), on };
    return this.#lock.held;
  }

  async #watch<T>(work: (connection: SshConnection) => Promise<T>): Promise<T> {
    const connection = await this.#live();
    try {
      return await work(connection);
    } catch (error) {
      if (connection.ended || problemsOf(error)[0].code === 'CONN_LOST') this.#count(connection);
      throw error;
    }
  }

  #count(connection: SshConnection): void {
    if (!connection.ended) this.#losses++;
    else if (this.#counted !== connection) {
      this.#counted = connection;
      this.#losses++;
    }
  }

  async #live(): Promise<SshConnection> {
    if (this.#givenUp) throw this.#givenUp;
    if (!this.#current.ended) return this.#current;
    this.#reaching ??= this.#reachAgain().finally(() => (this.#reaching = undefined));
    return this.#reaching;
  }

  async #reachAgain(): Promise<SshConnection> {
    const isKnown = this.#counted === this.#current;
    this.#count(this.#current);
    void this.#current.close();
    const { reconnectMs, signal, progress, onLost, onRegained } = this.#options;
    const started = performance.now();
    const seconds = () => Math.round((performance.now() - started) / 1000);
    const tell = () =>
      progress?.(`connection lost; reaching it again, ${seconds()} s of at most ${reconnectMs / 1000} s`);
    const limit = AbortSignal.timeout(Math.max(1, reconnectMs));
    const ends = AbortSignal.any([limit, this.#closing.signal, ...(signal ? [signal] : [])]);
    const ticker = setInterval(tell, tickMs);
    onLost?.();
    tell();
    try {
      const { connection, boot, lock } = await this.#tryUntil(ends);
      this.#current = connection;
      const before = await this.#boot;
      const rebooted = before === '' || boot === '' ? undefined : boot !== before;
      this.#boot = Promise.resolve(boot);
      this.#regainedAt = performance.now();
      onRegained?.({ afterMs: performance.now() - started, rebooted });
      const isAlone = lock === undefined || lock.undisturbed || lock.unable !== undefined;
      if (isKnown || isAlone) return connection;
    } catch (error) {
      throw (this.#givenUp = this.#verdict(error, signal));
    } finally {
      clearInterval(ticker);
    }
    throw this.#disturbed();
  }

  /** Rejects with what is final, or with the last failure when `ends` is aborted. */
  async #tryUntil(ends: AbortSignal): Promise<Reached> {
    if (performance.now() - this.#regainedAt > stableMs) this.#attempt = 0;
    let last = new Error('no attempt was made');
    const isOver = () => ends.aborted;
    while (!isOver()) {
      const delay = delaysMs[Math.min(this.#attempt++, delaysMs.length - 1)]!;
      // With jitter: many hosts behind one address are lost, and would come back, at the same moment.
      await sleep(delay * (0.5 + Math.random()), undefined, { signal: ends }).catch(() => undefined);
      if (isOver()) break;
      try {
        const connection = await this.#open(ends);
        return await this.#prepare(connection).catch(async (error: unknown) => {
          await connection.close();
          throw error;
        });
      } catch (error) {
        if (isOver()) break;
        if (!(error instanceof Error) || !passing.includes(problemsOf(error)[0].code)) throw error;
        last = error;
      }
    }
    throw last;
  }

  async #prepare(connection: SshConnection): Promise<Reached> {
    const boot = await bootOf(connection, waitForLogins);
    const lock = this.#lockOptions && (await this.#takeLock(connection, this.#lockOptions));
    return { connection, boot, lock };
  }

  #disturbed(): Error {
    const happened = `the connection to ${destination(this.#target)} was lost, and the host may have been changed in between`;
    return targetError(this.#target, 'CONN_LOST', happened, {
      hostState: 'the outcome of what was under way is unknown',
      remedy: 'run again: it goes on from the state that the host is really in',
    });
  }

  #verdict(error: unknown, signal: AbortSignal | undefined): Error {
    const [last] = problemsOf(error);
    if (error instanceof Error && last.code !== 'BUG' && !passing.includes(last.code)) return error;
    const { reconnectMs } = this.#options;
    const stopped = signal?.aborted === true || this.#closing.signal.aborted;
    const failed =
      reconnectMs === 0
        ? 'is not to be tried again'
        : `could not be reached again within ${reconnectMs / 1000} s`;
    const why = stopped ? 'was not reached again before the run was stopped' : failed;
    const detail = last.code === 'BUG' ? '' : ` (last attempt: ${last.happened})`;
    const happened = `the connection to ${destination(this.#target)} was lost, and the host ${why}${detail}`;
    return targetError(this.#target, 'CONN_LOST', happened, {
      hostState: 'the outcome of what was under way is unknown',
      remedy: 'see that the host is up, then run again: it goes on from the state that the host is really in',
      cause: error,
    });
  }
}

/** Tells one start of the machine from another; a container has the boot id of its machine, so process 1 counts, too. */
async function bootOf(connection: SshConnection, before = ''): Promise<string> {
  const script = Script.fromTrusted(`${before}
read -r boot </proc/sys/kernel/random/boot_id
read -r stat </proc/1/stat
set -- \${stat##*) }
shift 19
echo "$boot $1"`);
  const { stdout } = await connection.execute(script, { doing: 'looking at the host', timeoutMs: 60_000 });
  return stdout.trim();
}

/**
 * systemd keeps this file while a machine goes down or comes up: what is begun then would soon be interrupted again.
 * Not for ever, as it may be left over where nothing removes it.
 * @see pam_nologin(8), systemd-user-sessions.service(8)
 */
const waitForLogins =
  'turns=0; while [ -e /run/nologin ] && [ $turns -lt 30 ]; do sleep 1; turns=$((turns + 1)); done';
