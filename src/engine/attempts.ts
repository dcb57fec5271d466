import { errorCodes, problemsOf, type ErrorCode, type Problem } from '../core/errors.ts';
import type { Step } from '../core/step.ts';
import type { Clock } from './clock.ts';
import type { Deadline } from './deadline.ts';

const longestPauseMs = 60_000;

interface Surroundings {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly deadline: Deadline;
  /** Is told of each try that failed and is not the last. */
  readonly tell: (text: string) => void;
}

/** The tries of one step: as many as its `retry` says, for as long as another one may help. */
export class Attempts {
  readonly #step: Step;
  readonly #around: Surroundings;
  #tries = 0;
  #unconverged = 0;

  constructor(step: Step, around: Surroundings) {
    this.#step = step;
    this.#around = around;
  }

  /** Does work that begins with reading, and again after a failure, with pauses that double. */
  async repeat<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      this.#tries++;
      try {
        return await work();
      } catch (error) {
        if (!(await this.#mayTryAgain(problemsOf(error)))) throw error;
      }
    }
  }

  /** For the report: how many tries it took, where that was more than one. */
  told(): { readonly tries?: number } {
    return this.#tries > 1 ? { tries: this.#tries } : {};
  }

  /** Pauses, and tells so, if another try is to be made. */
  async #mayTryAgain(problems: readonly [Problem, ...Problem[]]): Promise<boolean> {
    const { retry, id } = this.#step;
    const { clock, signal, deadline, tell } = this.#around;
    if (!retry || this.#tries > retry.retries || !problems.every((problem) => this.#mayPass(problem)))
      return false;
    const pauseMs = Math.min(longestPauseMs, retry.delayMs * 2 ** (this.#tries - 1));
    if (signal.aborted || deadline.timeLeft() <= pauseMs) return false;
    const count = `try ${this.#tries} of ${retry.retries + 1}`;
    tell(`${id}: ${count} failed: ${problems[0].happened}; trying again in ${pauseMs / 1000} s`);
    await clock.sleep(pauseMs, signal);
    return !signal.aborted;
  }

  #mayPass({ code, permanent }: Problem): boolean {
    if (permanent || !passing.has(code)) return false;
    // Something else undoes the change: once may be a coincidence.
    return code !== 'VERIFY_FAILED' || ++this.#unconverged === 1;
  }
}

// What a host or its network may do better next time. Input, trust, locks, refused logins and defects stay as they are.
const neverPassing: readonly ErrorCode[] = [
  ...(['ALGORITHM', 'AUTH', 'NO_SHELL', 'UNSUPPORTED', 'NAME_CONFLICT'] as const),
  ...(['BECOME_PASSWORD_REQUIRED', 'BECOME_BAD_PASSWORD', 'BECOME_DENIED', 'BECOME_FAILED'] as const),
];
const passing = new Set<ErrorCode>(
  (Object.keys(errorCodes) as ErrorCode[]).filter(
    (code) => (errorCodes[code] === 2 || errorCodes[code] === 4) && !neverPassing.includes(code),
  ),
);
