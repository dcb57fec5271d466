import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { ProvisionError } from '../../core/errors.ts';
import type { FromWorker, ToWorker, WorkerEnd, WorkerLink } from '../../engine/worker-link.ts';
import { packageRoot } from '../package-root.ts';
import type { FromWorkerProcess, Setup, ToWorkerProcess } from './worker-messages.ts';

/** What a worker has to say beside the events of its units. */
export interface WorkerNews {
  message(text: string): void;
  accepted(host: string, fingerprint: string): void;
}

const program = join(packageRoot, 'dist', 'worker.js');
const endTimeoutMs = 5000;
const keptOutput = 8192;

/** A process of this program that does units of work. It ends by itself when this process does, whatever way that ends. */
export class WorkerProcess implements WorkerLink<ToWorker, FromWorker> {
  readonly #child: ChildProcess;
  readonly #news: WorkerNews;
  readonly #ready: Promise<void>;
  readonly #gone: Promise<WorkerEnd>;
  #onReady: (refusal?: ProvisionError) => void = () => undefined;
  #listener: (message: FromWorker) => void = () => undefined;
  #crash: string | undefined;
  #killedFor: string | undefined;
  #output = '';
  #isOver = false;

  constructor(news: WorkerNews) {
    this.#news = news;
    this.#ready = new Promise((resolve, reject) => {
      this.#onReady = (refusal) => {
        if (refusal) reject(refusal);
        else resolve();
      };
    });
    this.#child = fork(program, [], {
      execArgv: process.execArgv.filter((argument) => !argument.startsWith('--inspect')),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // In a session of its own: Ctrl-C reaches the coordinator alone, which tells the workers what to do.
      detached: true,
    });
    this.#gone = this.#watch();
    this.#child.on('message', (message) => this.#take(message as FromWorkerProcess));
  }

  /** @throws ProvisionError when the worker refuses or cannot be started; nothing was contacted then */
  async setUp(setup: Setup): Promise<void> {
    this.#tell(setup);
    void this.#gone.then(({ why }) => this.#onReady(notStarted(why)));
    await this.#ready;
  }

  send(message: ToWorker): void {
    this.#tell(message);
  }

  onMessage(listener: (message: FromWorker) => void): void {
    this.#listener = listener;
  }

  onEnd(listener: (end: WorkerEnd) => void): void {
    void this.#gone.then(listener);
  }

  /** Ends the process; by force when it does not end by itself. */
  async close(): Promise<void> {
    this.#isOver = true;
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.kill('it did not end'), endTimeoutMs);
    await this.#gone;
    clearTimeout(timer);
  }

  kill(why: string): void {
    this.#killedFor ??= why;
    this.#child.kill('SIGKILL');
  }

  #tell(message: ToWorkerProcess): void {
    // One that is gone is told of by its end.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #take(message: FromWorkerProcess): void {
    switch (message.type) {
      case 'ready':
        this.#onReady();
        break;
      case 'refused':
        this.#onReady(new ProvisionError(message.problems));
        break;
      case 'message':
        this.#news.message(message.text);
        break;
      case 'accepted':
        this.#news.accepted(message.host, message.fingerprint);
        break;
      case 'crashed':
        this.#crash = message.why;
        this.#news.message(message.stack);
        break;
      default:
        this.#listener(message);
    }
  }

  /** Resolves when nothing more will come. What the process printed is no part of its work, so it is told. */
  async #watch(): Promise<WorkerEnd> {
    const child = this.#child;
    const streams = [child.stdout!, child.stderr!];
    for (const stream of streams) {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => (this.#output = (this.#output + text).slice(-keptOutput)));
    }
    // Node tells no `close` of a child that was disconnected from here, and `exit` may come before the last message.
    const rest = [
      new Promise<void>((resolve) => child.once('disconnect', resolve)),
      ...streams.map((stream) => new Promise<void>((resolve) => stream.once('close', resolve))),
    ];
    const end = await new Promise<WorkerEnd>((resolve) => {
      child.once('error', ({ message }) => resolve({ why: message, isDefect: false }));
      child.once('exit', (code, signal) => {
        void Promise.all(rest).then(() => resolve(this.#endOf(code, signal)));
      });
    });
    const printed = this.#output.trim();
    if (printed !== '') this.#news.message(`a worker printed:\n${printed}`);
    return end;
  }

  #endOf(code: number | null, signal: NodeJS.Signals | null): WorkerEnd {
    if (this.#crash !== undefined) return { why: `it failed: ${this.#crash}`, isDefect: true };
    if (signal === 'SIGKILL' && this.#killedFor !== undefined)
      return { why: `${this.#killedFor}, and was ended`, isDefect: false };
    if (signal !== null) return { why: `it was ended by ${signal}`, isDefect: false };
    return { why: `it ended with ${String(code)}`, isDefect: !this.#isOver };
  }
}

function notStarted(why: string): ProvisionError {
  return new ProvisionError({
    code: 'WORKER_LOST',
    happened: `a worker process did not start: ${why}`,
    hostState: 'nothing was contacted',
    remedy: 'look whether this machine has the memory for so many, or run with fewer --workers',
  });
}
