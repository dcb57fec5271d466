import { problemsOf, type Problem } from '../core/errors.ts';
import type { RunEvent } from '../core/event.ts';
import type { Host } from '../core/host.ts';
import type { Plan } from '../core/plan.ts';
import type { Step } from '../core/step.ts';
import type { Clock } from './clock.ts';
import { EventQueue } from './event-queue.ts';
import type { Executor, WorkUnit } from './executor.ts';
import { repeatLost } from './repeat-lost.ts';
import { runSteps, type StepReporter } from './run-steps.ts';

/** An open way to one host. */
export interface Session {
  readonly host: Host;
  /** How often work on the host was, or may have been, interrupted by a line that broke; absent where it cannot break. */
  readonly losses?: () => number;
  /** Keeps other runs away from the host up to `close`. Asked for once, before the first unit that may change anything. */
  readonly lock?: () => Promise<void>;
  close(): Promise<void>;
}

/** Opens the way to a host by its name; `progress` is called with what the host has to tell a watching person. */
export type Connect = (
  host: string,
  progress: (text: string) => void,
  notice: (notice: Notice) => void,
) => Promise<Session>;

/** Something about a host that a person should know, whatever becomes of the step at hand. */
export interface Notice {
  readonly level: 'info' | 'warning';
  readonly text: string;
}

/** Does the work in this process: one session a host for the whole run. */
export class LocalExecutor implements Executor {
  readonly #plan: Plan;
  readonly #connect: Connect;
  readonly #clock: Clock;
  readonly #sessions = new Map<string, Promise<Session>>();
  readonly #locks = new Map<string, Promise<void>>();
  /** Who is told what happens on a host: the unit that runs there. */
  readonly #reporters = new Map<string, UnitReporter>();

  constructor(plan: Plan, connect: Connect, clock: Clock) {
    this.#plan = plan;
    this.#connect = connect;
    this.#clock = clock;
  }

  run(unit: WorkUnit, signal: AbortSignal): AsyncIterable<RunEvent> {
    const queue = new EventQueue();
    const reporter = new UnitReporter(unit, this.#plan, queue, this.#clock);
    void this.#runUnit(unit, signal, reporter)
      .catch((error: unknown) => {
        const id = problemsOf(error)[0].code === 'LOCKED' ? 'lock' : 'connect';
        reporter.failed({ id, at: [] }, this.#clock.now(), error);
      })
      .finally(() => queue.end());
    return queue;
  }

  async close(): Promise<void> {
    const sessions = await Promise.allSettled(this.#sessions.values());
    await Promise.allSettled(
      sessions.map(async (session) => {
        if (session.status === 'fulfilled') await session.value.close();
      }),
    );
  }

  async #runUnit(unit: WorkUnit, signal: AbortSignal, reporter: UnitReporter): Promise<void> {
    const steps = stepsOf(this.#plan, unit);
    if (signal.aborted) {
      for (const step of steps) reporter.skipped(step, 'interrupted before this step');
      return;
    }
    this.#reporters.set(unit.host, reporter);
    const session = await this.#readySession(unit, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    if (!session) {
      for (const step of steps) reporter.skipped(step, 'interrupted before the host was reached');
      return;
    }
    const { host, losses } = session;
    await runSteps(steps, { ...unit, host, losses, clock: this.#clock, signal }, reporter);
  }

  async #readySession(unit: WorkUnit, signal: AbortSignal): Promise<Session> {
    const session = await this.#session(unit.host);
    if (unit.mode === 'check' || !session.lock) return session;
    const { lock, losses } = session;
    const known = this.#locks.get(unit.host) ?? repeatLost({ losses, signal }, lock);
    this.#locks.set(unit.host, known);
    await known;
    return session;
  }

  #session(host: string): Promise<Session> {
    const known = this.#sessions.get(host);
    if (known) return known;
    const session = this.#connect(
      host,
      (text) => this.#reporters.get(host)?.progress(text),
      (notice) => this.#reporters.get(host)?.notice(notice),
    );
    this.#sessions.set(host, session);
    return session;
  }
}

function stepsOf(plan: Plan, unit: WorkUnit): readonly Step[] {
  if (unit.phase.type === 'play') {
    const own = plan.plays[unit.phase.index]!.hosts.find(({ host }) => host === unit.host)!;
    return own.steps.filter((step) => step.type !== 'requirement');
  }
  const all = plan.plays
    .flatMap((play) => play.hosts.filter(({ host }) => host === unit.host))
    .flatMap((own) => own.steps);
  const requirements = all.filter((step) => step.type === 'requirement');
  return [...new Map(requirements.map((step) => [step.id, step])).values()];
}

/** Turns what happens in one unit into events. */
class UnitReporter implements StepReporter {
  readonly #host: string;
  readonly #play: string;
  readonly #queue: EventQueue;
  readonly #clock: Clock;
  #current = 'connect';

  constructor(unit: WorkUnit, plan: Plan, queue: EventQueue, clock: Clock) {
    this.#host = unit.host;
    this.#play = unit.phase.type === 'play' ? plan.plays[unit.phase.index]!.name : unit.phase.type;
    this.#queue = queue;
    this.#clock = clock;
  }

  started(step: StepName): void {
    this.#current = step.id;
    this.#queue.push({ event: 'step-start', host: this.#host, play: this.#play, step: step.id });
  }

  progress(text: string): void {
    this.#queue.push({ event: 'progress', host: this.#host, step: this.#current, text });
  }

  notice(notice: Notice): void {
    this.#queue.push({ event: 'notice', host: this.#host, ...notice });
  }

  ended: StepReporter['ended'] = (step, startedAt, outcome) => {
    const ms = Math.round(this.#clock.now() - startedAt);
    const { id, at } = step;
    this.#queue.push({ event: 'step', host: this.#host, play: this.#play, step: id, ms, at, ...outcome });
  };

  skipped(step: StepName, reason: string): void {
    this.ended(step, this.#clock.now(), { status: 'skipped', reason });
  }

  failed(step: StepName, startedAt: number, error: unknown): void {
    const where = { host: this.#host, step: step.id, at: step.at };
    const problems = problemsOf(error).map((problem): Problem => ({ ...where, ...problem }));
    this.ended(step, startedAt, { status: 'failed', problems });
  }
}

type StepName = Pick<Step, 'id' | 'at'>;
