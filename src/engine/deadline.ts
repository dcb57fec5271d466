import { problemsOf, ProvisionError } from '../core/errors.ts';
import type { Host } from '../core/host.ts';
import type { Step } from '../core/step.ts';
import { LimitedHost } from '../host/limited-host.ts';
import type { Clock } from './clock.ts';

/** When a step must have ended, from now on, with all its tries. One without `deadlineMs` may take for ever. */
export class Deadline {
  readonly #step: Step;
  readonly #clock: Clock;
  #started: number;

  constructor(step: Step, clock: Clock) {
    this.#step = step;
    this.#clock = clock;
    this.#started = clock.now();
  }

  /** In milliseconds; below 0 when it has passed. */
  timeLeft(): number {
    return (this.#step.deadlineMs ?? Infinity) - (this.#clock.now() - this.#started);
  }

  /** The same host, whose calls end with the deadline: what runs there is ended. */
  limit(host: Host): Host {
    if (this.#step.deadlineMs === undefined) return host;
    const refusal = () => (this.timeLeft() <= 0 ? this.#late(this.#cut) : undefined);
    return new LimitedHost(host, { refusal, timeLeft: () => this.timeLeft() });
  }

  /** Waits no longer than the deadline for what was begun before. */
  async race<T>(work: Promise<T>): Promise<T> {
    const left = this.timeLeft();
    if (!Number.isFinite(left)) return work;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.#late('this step changed nothing')), Math.max(1, left));
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  }

  /** Waits for what is not the step's own: that time is added to it. */
  async pause<T>(work: Promise<T>): Promise<T> {
    const began = this.#clock.now();
    return work.finally(() => (this.#started += this.#clock.now() - began));
  }

  /** What failed because its time was up failed by the deadline. */
  explain(error: unknown): unknown {
    const [{ code, hostState }] = problemsOf(error);
    if (code !== 'STEP_TIMEOUT' || this.timeLeft() > 0) return error;
    return this.#late(hostState ?? this.#cut, error);
  }

  readonly #cut = 'what it was doing was ended, and may be half done';

  #late(hostState: string, cause?: unknown): ProvisionError {
    const { deadlineMs = 0 } = this.#step;
    return new ProvisionError(
      {
        code: 'STEP_TIMEOUT',
        happened: `the step did not end within its deadline of ${deadlineMs / 1000} s`,
        hostState,
        remedy: 'find out on the host what it waits for, or give it more time',
      },
      { cause },
    );
  }
}
