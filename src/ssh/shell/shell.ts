import { setTimeout as sleep } from 'node:timers/promises';
import { ProvisionError } from '../../core/errors.ts';
import type { Output } from '../../core/host.ts';
import type { Script } from '../../core/script.ts';
import { Secret } from '../../core/secret.ts';
import type { ExecuteOptions } from '../../host/connection.ts';
import { endScript } from './end-script.ts';
import type { Link } from '../link.ts';
import type { ShellChannel } from './shell-channel.ts';
import { openShellChannel } from './shell-channel.ts';
import { targetError } from '../target.ts';

interface Job {
  readonly script: Script;
  readonly options: ExecuteOptions;
  resolve(output: Output): void;
  reject(error: unknown): void;
}

/** How long the shell may take to tell the end of a script that was ended. */
const graceMs = 300;

/**
 * The long-lived shell of a connection. Scripts run one after the other; those that are asked for in one turn of the
 * event loop travel together. A script that ends the shell or hangs costs that script, not the ones behind it.
 */
export class Shell {
  readonly #link: Link;
  #channel: ShellChannel | undefined;
  #opening = false;
  #flushing = false;
  /** Jobs in order; the first `#sent` of them have been sent, and the first of those is running. */
  #jobs: Job[] = [];
  #sent = 0;
  /** Process ids of the scripts that have begun and are not answered: stderr may be ahead of stdout. */
  #started: number[] = [];
  #deadline: NodeJS.Timeout | undefined;
  /** Set while the running script is being ended because it took too long. */
  #ending: Promise<void> | undefined;

  /** Runs before anything else in each shell that is opened from now on. */
  first: Script | undefined;

  constructor(link: Link) {
    this.#link = link;
  }

  /** Opens the shell now, so that a host without shell or sudo is found out before the first step. */
  async open(): Promise<void> {
    this.#started = [];
    const channel: ShellChannel = await openShellChannel(this.#link, {
      onStart: (pid) => void this.#started.push(pid),
      onAnswer: (output) => this.#answered(output),
      onClose: () => this.#closed(channel),
    });
    this.#channel = channel;
    if (!this.first) return;
    const options = { timeoutMs: 60_000, doing: 'noting the shell' };
    this.#jobs.unshift({ script: this.first, options, resolve: () => {}, reject: () => {} });
  }

  execute(script: Script, options: ExecuteOptions): Promise<Output> {
    const answer = new Promise<Output>((resolve, reject) => {
      this.#jobs.push({ script, options, resolve, reject });
    });
    this.#schedule();
    return this.#link.lifeline.guard(answer, options.doing);
  }

  close(): void {
    clearTimeout(this.#deadline);
    this.#channel?.close();
    this.#channel = undefined;
  }

  #schedule(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    // After the promises of this turn: probes that wait for one another's turn still share a round trip.
    setImmediate(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#link.lifeline.ended || this.#jobs.length === this.#sent) return;
    if (!this.#channel) return void this.#reopen();
    const next = this.#jobs.slice(this.#sent);
    this.#channel.send(next.map(({ script, options }) => ({ script, input: reveal(options.stdin) })));
    const wasIdle = this.#sent === 0;
    this.#sent = this.#jobs.length;
    if (wasIdle) this.#watch();
  }

  #reopen(): void {
    if (this.#opening) return;
    this.#opening = true;
    this.open()
      .catch((error: unknown) => this.#jobs.splice(0).forEach((job) => job.reject(error)))
      .finally(() => {
        this.#opening = false;
        this.#schedule();
      });
  }

  /** The clock of a script runs from the moment at which it is the next one to run. */
  #watch(): void {
    this.#unwatch();
    const job = this.#jobs[0];
    if (job) this.#deadline = setTimeout(() => void this.#end(job), job.options.timeoutMs);
  }

  #unwatch(): void {
    clearTimeout(this.#deadline);
    this.#ending = undefined;
  }

  #answered(output: Output): void {
    const job = this.#jobs.shift();
    if (!job) return;
    this.#started.shift();
    this.#sent--;
    this.#settle(job, () => job.resolve(output));
    if (this.#sent > 0) this.#watch();
    else this.#unwatch();
  }

  /** Without a shell the running script has an unknown outcome; those behind it never ran (see `frame`), and run now. */
  #closed(channel: ShellChannel): void {
    if (this.#channel !== channel) return;
    this.#channel = undefined;
    const running = this.#sent > 0 ? this.#jobs.shift() : undefined;
    this.#sent = 0;
    if (running) this.#settle(running, () => running.reject(this.#shellEnded(running)));
    this.#unwatch();
    this.#schedule();
  }

  /** A script that took too long failed by that, whatever its answer was; said when its last process is gone. */
  #settle(job: Job, settle: () => void): void {
    if (!this.#ending) settle();
    else void this.#ending.then(() => job.reject(this.#timedOut(job, 'its processes were ended')));
  }

  async #end(job: Job): Promise<void> {
    const channel = this.#channel;
    if (!channel) return;
    const isHanging = () => this.#jobs[0] === job && this.#channel === channel;
    this.#ending = endScript(this.#link, { shell: channel.pid, script: this.#started[0] ?? 0 });
    await this.#ending;
    if (isHanging()) await sleep(graceMs);
    if (isHanging()) channel.kill();
    if (isHanging()) await sleep(graceMs);
    if (!isHanging()) return;
    // Nothing helped: this shell is given up. It ends by itself when its script does, and runs nothing more.
    this.#channel = undefined;
    this.#jobs.shift();
    this.#sent = 0;
    this.#unwatch();
    job.reject(this.#timedOut(job, 'it could not be ended and may still be running'));
    channel.close();
    this.#schedule();
  }

  #timedOut(job: Job, hostState: string): ProvisionError {
    const { doing, timeoutMs } = job.options;
    const happened = `"${doing}" did not end within ${timeoutMs / 1000} s`;
    return targetError(this.#link.target, 'STEP_TIMEOUT', happened, {
      hostState,
      remedy: 'find out on the host what it waits for, then run again',
    });
  }

  #shellEnded(job: Job): ProvisionError {
    const happened = `the shell on the host ended during "${job.options.doing}"`;
    return targetError(this.#link.target, 'CONN_LOST', happened, {
      hostState: 'outcome unknown',
      remedy: 'look for a killed process (dmesg, memory) on the host, then run again',
    });
  }
}

function reveal(input: string | Secret | undefined): string | undefined {
  return input instanceof Secret ? input.reveal() : input;
}
