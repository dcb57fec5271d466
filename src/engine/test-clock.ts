import type { Clock } from './clock.ts';

/** A clock for tests that stands still until all who sleep on it are woken. */
export class StillClock implements Clock {
  #time = 0;
  readonly #sleepers = new Set<() => void>();

  now(): number {
    return this.#time;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        if (!signal.aborted) this.#time += ms;
        this.#sleepers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#sleepers.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      if (signal.aborted) wake();
    });
  }

  /** Wakes all, and lets what follows from that happen in this process. */
  async wake(): Promise<void> {
    for (const wake of [...this.#sleepers]) wake();
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}
