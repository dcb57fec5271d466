import { ProvisionError } from '../core/errors.ts';
import type {
  Content,
  Facts,
  FileState,
  Host,
  HttpRequest,
  HttpResponse,
  Output,
  Question,
  RunOptions,
  WriteOptions,
} from '../core/host.ts';
import type { Script } from '../core/script.ts';

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

  probe(script: Script, { timeoutMs = 60_000 } = {}): Promise<Output> {
    return this.#call(() => this.#host.probe(script, { timeoutMs: this.#atMost(timeoutMs) }));
  }

  run(script: Script, { timeoutMs = 60_000, ...options }: RunOptions = {}): Promise<Output> {
    return this.#call(() => this.#host.run(script, { ...options, timeoutMs: this.#atMost(timeoutMs) }));
  }

  request({ timeoutMs = 10_000, ...request }: HttpRequest): Promise<HttpResponse> {
    return this.#call(() => this.#host.request({ ...request, timeoutMs: this.#atMost(timeoutMs) }));
  }

  writeFile(path: string, content: Content, options: WriteOptions): Promise<void> {
    const timeoutMs = this.#atMost(options.timeoutMs ?? Infinity);
    const limited = Number.isFinite(timeoutMs) ? { ...options, timeoutMs } : options;
    return this.#call(() => this.#inTime(this.#host.writeFile(path, content, limited)));
  }

  stat(path: string): Promise<FileState | undefined> {
    return this.#call(() => this.#inTime(this.#host.stat(path)));
  }

  readFile(path: string, options?: { maxBytes?: number }): Promise<string | undefined> {
    return this.#call(() => this.#inTime(this.#host.readFile(path, options)));
  }

  /** Shared with others, who may have more time: it is waited for no longer, and goes on for them. */
  ask<Answer>(question: Question<Answer>, about: string): Promise<Answer | undefined> {
    return this.#call(() => this.#inTime(this.#host.ask(question, about)));
  }

  facts(): Promise<Facts> {
    return this.#call(() => this.#inTime(this.#host.facts()));
  }

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
