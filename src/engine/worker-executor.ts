import { ProvisionError } from '../core/errors.ts';
import type { RunEvent } from '../core/event.ts';
import type { Plan } from '../core/plan.ts';
import type { Step } from '../core/step.ts';
import type { Clock } from './clock.ts';
import { EventQueue } from './event-queue.ts';
import type { Executor, WorkUnit } from './executor.ts';
import { Pulse } from './pulse.ts';
import { UnitReporter } from './unit-reporter.ts';
import { stepsOf } from './unit-steps.ts';
import type { FromWorker, StopReason, ToWorker, WorkerEnd, WorkerLink } from './worker-link.ts';

/** A worker, and the hosts that are its own: their sessions live there. */
export interface Worker {
  readonly link: WorkerLink<ToWorker, FromWorker>;
  readonly hosts: readonly string[];
}

/**
 * Has the work done by workers, each host always by the same one. A worker that is lost takes its hosts with it, which
 * fail; the others go on. One that hangs is ended, and lost as well.
 */
export class WorkerExecutor implements Executor {
  readonly #plan: Plan;
  readonly #clock: Clock;
  readonly #lines: readonly Line[];
  readonly #lineOf: ReadonlyMap<string, Line>;

  constructor(plan: Plan, workers: readonly Worker[], clock: Clock) {
    this.#plan = plan;
    this.#clock = clock;
    const lines = workers.map(({ link, hosts }) => ({ line: new Line(link, clock), hosts }));
    this.#lines = lines.map(({ line }) => line);
    this.#lineOf = new Map(lines.flatMap(({ line, hosts }) => hosts.map((host) => [host, line] as const)));
  }

  run(unit: WorkUnit, signal: AbortSignal): AsyncIterable<RunEvent> {
    const queue = new EventQueue();
    const delegated = new DelegatedUnit(unit, this.#plan, queue, this.#clock);
    const line = this.#lineOf.get(unit.host);
    if (line) line.start(delegated, signal);
    else delegated.lost({ why: 'no worker has this host', isDefect: true });
    return queue;
  }

  async close(): Promise<void> {
    await Promise.all(this.#lines.map((line) => line.close()));
  }
}

/** The line to one worker, with the units that are under way there. */
class Line {
  readonly #link: Worker['link'];
  readonly #clock: Clock;
  readonly #units = new Map<number, DelegatedUnit>();
  readonly #pulse = new Pulse();
  readonly #over = new AbortController();
  #last = 0;
  #ended: WorkerEnd | undefined;
  #closed: () => void = () => undefined;

  constructor(link: Worker['link'], clock: Clock) {
    this.#link = link;
    this.#clock = clock;
    link.onMessage((message) => this.#take(message));
    link.onEnd((end) => {
      this.#ended = end;
      this.#over.abort();
      this.#closed();
      for (const unit of this.#units.values()) unit.lost(end);
      this.#units.clear();
    });
  }

  start(unit: DelegatedUnit, signal: AbortSignal): void {
    if (this.#ended !== undefined) {
      unit.lost(this.#ended);
      return;
    }
    // Not before: while it loads the playbook it may be silent for long, and keeps no host from anybody.
    if (this.#last === 0) void this.#watch();
    const id = ++this.#last;
    this.#units.set(id, unit);
    const stop = () => this.#link.send({ type: 'stop', id, reason: reasonOf(signal) });
    unit.onEnd = () => signal.removeEventListener('abort', stop);
    if (!signal.aborted) signal.addEventListener('abort', stop, { once: true });
    this.#link.send({
      type: 'run',
      id,
      unit: unit.unit,
      ...(signal.aborted && { stopped: reasonOf(signal) }),
    });
  }

  async close(): Promise<void> {
    if (this.#ended !== undefined) return;
    const closed = new Promise<void>((resolve) => (this.#closed = resolve));
    this.#link.send({ type: 'close' });
    await closed;
    this.#over.abort();
  }

  async #watch(): Promise<void> {
    const ask = () => this.#link.send({ type: 'ping' });
    const silence = await this.#pulse.watch(ask, this.#clock, this.#over.signal);
    if (silence !== undefined) this.#link.kill(silence);
  }

  #take(message: FromWorker): void {
    this.#pulse.heard();
    switch (message.type) {
      case 'event':
        this.#units.get(message.id)?.take(message.event);
        break;
      case 'done':
        this.#units.get(message.id)?.end();
        this.#units.delete(message.id);
        break;
      case 'closed':
        this.#closed();
    }
  }
}

/** A unit that is done elsewhere, and what is known here of how far it has come. */
class DelegatedUnit {
  readonly unit: WorkUnit;
  onEnd: () => void = () => undefined;
  readonly #plan: Plan;
  readonly #queue: EventQueue;
  readonly #clock: Clock;
  readonly #reporter: UnitReporter;
  readonly #under = new Map<string, number>();
  readonly #ended = new Set<string>();

  constructor(unit: WorkUnit, plan: Plan, queue: EventQueue, clock: Clock) {
    this.unit = unit;
    this.#plan = plan;
    this.#queue = queue;
    this.#clock = clock;
    this.#reporter = new UnitReporter(unit, plan, queue, clock);
  }

  take(event: RunEvent): void {
    if (event.event === 'step-start') this.#under.set(event.step, this.#clock.now());
    if (event.event === 'step') {
      this.#under.delete(event.step);
      this.#ended.add(event.step);
    }
    this.#queue.push(event);
  }

  end(): void {
    this.onEnd();
    this.#queue.end();
  }

  /** Nobody will tell any more how it ended. */
  lost(end: WorkerEnd): void {
    const at = this.#stepAtHand();
    const startedAt = (at && this.#under.get(at.id)) ?? this.#clock.now();
    this.#reporter.failed(at ?? { id: 'connect', at: [] }, startedAt, workerLost(end, at !== undefined));
    for (const step of at ? this.#open() : []) {
      const choice = this.unit.leftOut[step.id];
      if (choice !== undefined) this.#reporter.leftOut(step, choice);
      else if (step !== at) this.#reporter.skipped(step, 'the worker of this host was lost');
    }
    this.end();
  }

  /** The step that was under way or due; none where not even the host was reached. */
  #stepAtHand(): Step | undefined {
    if (this.#under.size + this.#ended.size === 0) return undefined;
    const open = this.#open().filter(({ id }) => this.unit.leftOut[id] === undefined);
    return open.find(({ id }) => this.#under.has(id)) ?? open[0];
  }

  #open(): readonly Step[] {
    return stepsOf(this.#plan, this.unit).filter(({ id }) => !this.#ended.has(id));
  }
}

function workerLost({ why, isDefect }: WorkerEnd, isUnderWay: boolean): ProvisionError {
  return new ProvisionError({
    code: isDefect ? 'BUG' : 'WORKER_LOST',
    happened: `the worker process of this host was lost: ${why}`,
    hostState: isUnderWay
      ? 'the outcome of this step is unknown; the lock of the host goes with the worker'
      : 'nothing was under way',
    remedy: 'run again: what is done stays done, and the rest is repaired',
  });
}

function reasonOf(signal: AbortSignal): StopReason {
  const reason: unknown = signal.reason;
  return typeof reason === 'number' ? reason : null;
}
