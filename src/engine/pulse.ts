import type { Clock } from './clock.ts';

const roundMs = 15_000;
const mostUnanswered = 4;

/**
 * Whether somebody is still there. What counts are questions that stay without an answer, not the time alone: whoever asks may have
 * been stopped, or busy, itself, and what was answered then waits to be read.
 */
export class Pulse {
  #unanswered = 0;

  /** Something has come. */
  heard(): void {
    this.#unanswered = 0;
  }

  /**
   * Asks again and again until the signal is aborted.
   * @returns what is wrong when the answers stay away; undefined after the signal
   */
  async watch(ask: () => void, clock: Clock, signal: AbortSignal): Promise<string | undefined> {
    do {
      ask();
      this.#unanswered++;
      await clock.sleep(roundMs, signal);
      if (signal.aborted) return undefined;
    } while (this.#unanswered < mostUnanswered);
    return `it gave no sign of life for ${(roundMs * mostUnanswered) / 1000} s`;
  }
}
