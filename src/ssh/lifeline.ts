import type { ProvisionError } from '../core/errors.ts';
import type { SshTarget } from './target.ts';
import { destination, targetError } from './target.ts';

/**
 * The life of one connection. Whatever waits for the host waits through `guard`, so that nothing outlives the
 * connection: ssh2 and the packages on top of it leave promises pending, or call them a success, when it dies.
 */
export class Lifeline {
  readonly #target: SshTarget;
  readonly #waiting = new Set<() => void>();
  #cause: string | undefined;

  constructor(target: SshTarget) {
    this.#target = target;
  }

  get ended(): boolean {
    return this.#cause !== undefined;
  }

  /** Ends everything that waits. Only the first cause counts: what follows it are consequences. */
  end(cause: string): void {
    if (this.#cause !== undefined) return;
    this.#cause = cause;
    for (const rejectWaiting of this.#waiting) rejectWaiting();
    this.#waiting.clear();
  }

  /** The error for work that the end of the connection interrupted. */
  lost(doing: string, hostState = 'outcome unknown'): ProvisionError {
    const cause = this.#cause ?? 'the channel was closed';
    return targetError(
      this.#target,
      'CONN_LOST',
      `the connection to ${destination(this.#target)} was lost during "${doing}": ${cause}`,
      { hostState, remedy: 'run again: it goes on from the state that the host is really in' },
    );
  }

  /** Settles as `work` does, or rejects with `CONN_LOST` when the connection ends first. */
  guard<T>(work: Promise<T>, doing: string): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const rejectWaiting = () => reject(this.lost(doing));
      // Not Promise.race: that would leave a reaction behind on a promise that lives as long as the connection.
      const settle = <V>(how: (value: V) => void) => {
        return (value: V) => {
          this.#waiting.delete(rejectWaiting);
          how(value);
        };
      };
      if (this.ended) rejectWaiting();
      else this.#waiting.add(rejectWaiting);
      work.then(settle(resolve), settle(reject));
    });
  }
}
