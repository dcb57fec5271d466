import { setTimeout as sleep } from 'node:timers/promises';
import type { Lifeline } from './lifeline.ts';

interface Closable {
  once(event: 'close', listener: () => void): unknown;
}

/** A call of ssh2 that ends with a callback. */
type Start<T> = (done: (error: Error | null | undefined, channel: T) => void) => void;

// OpenSSH allows ten sessions by default and counts one as open for a moment longer than we do.
const maxSessions = 8;
// sshd has no such limit for forwarded connections; the service that they lead to may have one.
const maxForwards = 64;
const retryDelaysMs = [50, 150, 400];

/**
 * Hands out the channels of one connection: sessions, never more than eight and refused ones again after a moment, and forwarded
 * connections. What these lead to may never answer, and must not keep a session waiting.
 */
export class Channels {
  readonly #lifeline: Lifeline;
  readonly #sessions: Places;
  readonly #forwards: Places;

  constructor(lifeline: Lifeline) {
    this.#lifeline = lifeline;
    this.#sessions = new Places(maxSessions, lifeline);
    this.#forwards = new Places(maxForwards, lifeline);
  }

  /** A session (shell, SFTP). Rejects with the error of ssh2 when the host goes on refusing, or with `CONN_LOST`. */
  session<T extends Closable>(start: Start<T>, doing: string): Promise<T> {
    return this.#sessions.hold(() => this.#persist(start, doing), doing);
  }

  /** A forwarded connection. Rejects with the error of ssh2 at the first refusal, or with `CONN_LOST`. */
  forward<T extends Closable>(start: Start<T>, doing: string): Promise<T> {
    return this.#forwards.hold(() => this.#lifeline.guard(callback(start), doing), doing);
  }

  async #persist<T>(start: Start<T>, doing: string): Promise<T> {
    for (const delay of retryDelaysMs) {
      try {
        return await this.#lifeline.guard(callback(start), doing);
      } catch (error) {
        if (!isRefused(error)) throw error;
        await sleep(delay);
      }
    }
    return this.#lifeline.guard(callback(start), doing);
  }
}

/** So many channels of a kind at a time; who comes later waits for one to close. */
class Places {
  readonly #most: number;
  readonly #lifeline: Lifeline;
  readonly #queue: (() => void)[] = [];
  #taken = 0;

  constructor(most: number, lifeline: Lifeline) {
    this.#most = most;
    this.#lifeline = lifeline;
  }

  async hold<T extends Closable>(open: () => Promise<T>, doing: string): Promise<T> {
    await this.#turn(doing);
    try {
      const channel = await open();
      channel.once('close', () => this.#release());
      return channel;
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  async #turn(doing: string): Promise<void> {
    if (this.#taken < this.#most) {
      this.#taken++;
      return;
    }
    // The one that frees a place passes it on, so the count stays.
    await this.#lifeline.guard(new Promise<void>((resolve) => void this.#queue.push(resolve)), doing);
  }

  #release(): void {
    const next = this.#queue.shift();
    if (next) next();
    else this.#taken--;
  }
}

/** Whether the host has no room for another session (MaxSessions). Only refusals have a number as their reason. */
function isRefused(error: unknown): boolean {
  return typeof (error as { reason?: unknown }).reason === 'number';
}

function callback<T>(start: Start<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    // ssh2 throws at once, and not through the callback, when the connection is already gone.
    start((error, value) => {
      if (error) reject(error);
      else resolve(value);
    });
  });
}
