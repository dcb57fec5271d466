import { ProvisionError } from '../core/errors.ts';
import type { Host } from '../core/host.ts';

export interface HostLimits {
  /** Why no call may be made any more; undefined as long as it may. */
  readonly refusal?: () => Error | undefined;
  /** How long a call may take, in milliseconds. */
  readonly timeLeft?: () => number;
  /** Whether a watching person is told what is being waited for. */
  readonly isWatched?: () => boolean;
}

/**
 * A host whose calls have an end: none is made once there is a reason against it, and each is ended, on the host too, when
 * its time is up.
 */
export class LimitedHost implements Host {
  readonly name: string;
  readonly address: string;
  readonly #host: Host;
  readonly #refusal: () => Error | undefined;
  readonly #timeLeft: () => number;
  readonly #isWatched: () => boolean;

  constructor(
    host: Host,
    { refusal = () => undefined, timeLeft = () => Infinity, isWatched = () => true }: HostLimits,
  ) {
    this.name = host.name;
    this.address = host.address;
    this.#host = host;
    this.#refusal = refusal;
    this.#timeLeft = timeLeft;
    this.#isWatched = isWatched;
  }

  readonly probe: Host['probe'] = (script, { timeoutMs = 60_000 } = {}) =>
    this.#call(() => this.#host.probe(script, { timeoutMs: this.#atMost(timeoutMs) }));

  readonly run: Host['run'] = (script, { timeoutMs = 60_000, ...options } = {}) =>
    this.#call(() => this.#host.run(script, { ...options, timeoutMs: this.#atMost(timeoutMs) }));

  readonly request: Host['request'] = ({ timeoutMs = 10_000, ...request }) =>
    this.#call(() => this.#host.request({ ...request, timeoutMs: this.#atMost(timeoutMs) }));

  readonly writeFile: Host['writeFile'] = (path, content, options) => {
    const timeoutMs = this.#atMost(options.timeoutMs ?? Infinity);
    const limited = Number.isFinite(timeoutMs) ? { ...options, timeoutMs } : options;
    return this.#call(() => this.#inTime(this.#host.writeFile(path, content, limited)));
  };

  readonly stat: Host['stat'] = (path) => this.#call(() => this.#inTime(this.#host.stat(path)));

  readonly readFile: Host['readFile'] = (path, options) =>
    this.#call(() => this.#inTime(this.#host.readFile(path, options)));

  /** Shared with others, who may have more time: it is waited for no longer, and goes on for them. */
  readonly ask: Host['ask'] = (question, about) =>
    this.#call(() => this.#inTime(this.#host.ask(question, about)));

  readonly facts: Host['facts'] = () => this.#call(() => this.#inTime(this.#host.facts()));

  forgetFacts(): void {
    this.#host.forgetFacts();
  }

  progress(text: string): void {
    if (this.#isWatched()) this.#host.progress(text);
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    const refusal = this.#refusal();
    if (refusal) throw refusal;
    return call();
  }

  #atMost(ms: number): number {
    return Math.max(1, Math.min(ms, this.#timeLeft()));
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    const left = this.#timeLeft();
    if (!Number.isFinite(left)) return work;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.#refusal() ?? outOfTime(left)), Math.max(1, left));
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  }
}

function outOfTime(ms: number): ProvisionError {
  return new ProvisionError({
    code: 'STEP_TIMEOUT',
    happened: `the host did not answer within ${ms / 1000} s`,
  });
}
