import { setTimeout as sleep } from 'node:timers/promises';
import type { Lifeline } from './lifeline.ts';

interface Closable {
  once(event: 'close', listener: () => void): unknown;
}

// OpenSSH allows ten sessions by default and counts one as open for a moment longer than we do.
const maxChannels = 8;
const retryDelaysMs = [50, 150, 400];

/** Hands out the channels of one connection: never more than eight, and refused ones again after a moment. */
export class Channels {
  readonly #lifeline: Lifeline;
  readonly #queue: (() => void)[] = [];
  #open = 0;

  constructor(lifeline: Lifeline) {
    this.#lifeline = lifeline;
  }

  /** Rejects with the error of ssh2 when the host goes on refusing, or with `CONN_LOST`. */
  async open<T extends Closable>(
    start: (done: (error: Error | null | undefined, channel: T) => void) => void,
    doing: string,
  ): Promise<T> {
    await this.#turn(doing);
    try {
      const channel = await this.#persist(start, doing);
      channel.once('close', () => this.#release());
      return channel;
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  async #persist<T>(
    start: (done: (error: Error | null | undefined, channel: T) => void) => void,
    doing: string,
  ): Promise<T> {
    for (const delay of retryDelaysMs) {
      try {
        return await this.#lifeline.guard(callback(start), doing);
      } catch (error) {
        if (!isRefusedSession(error)) throw error;
        await sleep(delay);
      }
    }
    return this.#lifeline.guard(callback(start), doing);
  }

  async #turn(doing: string): Promise<void> {
    if (this.#open < maxChannels) {
      this.#open++;
      return;
    }
    // The one that frees a channel passes its place on, so the count stays.
    await this.#lifeline.guard(new Promise<void>((resolve) => void this.#queue.push(resolve)), doing);
  }

  #release(): void {
    const next = this.#queue.shift();
    if (next) next();
    else this.#open--;
  }
}

/** Whether the host has no room for another session (MaxSessions): OpenSSH says just "open failed". */
export function isRefusedSession(error: unknown): boolean {
  return error instanceof Error && /Channel open failure: open failed/i.test(error.message);
}

function callback<T>(start: (done: (error: Error | null | undefined, value: T) => void) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    // ssh2 throws at once, and not through the callback, when the connection is already gone.
    start((error, value) => {
      if (error) reject(error);
      else resolve(value);
    });
  });
}
