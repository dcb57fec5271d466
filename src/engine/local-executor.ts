import type { Change } from '../core/change.ts';
import { problemsOf, ProvisionError } from '../core/errors.ts';
import type { RunEvent } from '../core/event.ts';
import type { Host } from '../core/host.ts';
import type { Plan } from '../core/plan.ts';
import type { Step } from '../core/step.ts';
import type { ConfirmChange } from './ask-first.ts';
import type { Clock } from './clock.ts';
import { EventQueue } from './event-queue.ts';
import { unitVersion, type Executor, type WorkUnit } from './executor.ts';
import { withoutLeftOut } from './left-out.ts';
import { PlanGuard } from './plan-guard.ts';
import { repeatLost } from './repeat-lost.ts';
import { runSteps, type StepReporter } from './run-steps.ts';
import { Seal } from './seal.ts';
import { strayNotices } from './stray-notes.ts';
import { UnitReporter, type Notice } from './unit-reporter.ts';
import { stepsOf } from './unit-steps.ts';

/** An open way to one host. */
export interface Session {
  readonly host: Host;
  /** How often work on the host was, or may have been, interrupted by a line that broke; absent where it cannot break. */
  readonly losses?: () => number;
  /** Keeps other runs away from the host up to `close`. Asked for once, before the first unit that needs it. */
  readonly lock?: () => Promise<void>;
  close(): Promise<void>;
}

/** Opens the way to a host by its name; `progress` is called with what the host has to tell a watching person. */
export type Connect = (
  host: string,
  progress: (text: string) => void,
  notice: (notice: Notice) => void,
) => Promise<Session>;

/** Does the work in this process: one session a host for the whole run. */
export class LocalExecutor implements Executor {
  readonly #plan: Plan;
  readonly #connect: Connect;
  readonly #clock: Clock;
  readonly #confirm: ConfirmChange | undefined;
  readonly #sessions = new Map<string, Promise<Session>>();
  readonly #locks = new Map<string, Promise<void>>();
  readonly #seals = new Map<string, Seal>();
  /** Modes and hosts of which the notes on the host were looked at. */
  readonly #lookedAt = new Set<string>();
  /** Who is told what happens on a host: the unit that runs there. */
  readonly #reporters = new Map<string, UnitReporter>();

  /** @param confirm asks a person before each change. Default: nobody is asked */
  constructor(plan: Plan, connect: Connect, clock: Clock, confirm?: ConfirmChange) {
    this.#confirm = confirm;
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
    refuseOtherVersions(unit);
    const allSteps = stepsOf(this.#plan, unit);
    const { kept, reporter: told, end } = withoutLeftOut(allSteps, unit.leftOut, reporter);
    this.#reporters.set(unit.host, reporter);
    // A unit without any step is still the way to see whether the host is there.
    if (kept.length > 0 || allSteps.length === 0)
      await this.#runOnHost({ unit, allSteps, kept }, signal, told);
    end();
  }

  async #runOnHost(
    { unit, allSteps, kept }: { unit: WorkUnit; allSteps: readonly Step[]; kept: readonly Step[] },
    signal: AbortSignal,
    reporter: StepReporter,
  ): Promise<void> {
    const skipAll = (reason: string) => {
      for (const step of kept) reporter.skipped(step, reason);
    };
    if (signal.aborted) {
      skipAll('interrupted before this step');
      return;
    }
    const session = await this.#readySession(unit, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    if (!session) {
      skipAll('interrupted before the host was reached');
      return;
    }
    const { host, losses } = session;
    const ask = this.#confirm;
    const around = {
      ...unit,
      allSteps,
      host,
      losses,
      signal,
      clock: this.#clock,
      guard: this.#guardOf(unit),
      confirm: ask && ((step: Step, changes: readonly Change[]) => ask(unit.host, step, changes)),
    };
    // Begun before the first step is read, it travels with what that one asks.
    const told = this.#tellStrayNotes(host, unit);
    await runSteps(kept, around, reporter);
    await told;
  }

  /** Once a host, and again when it is changed after a check. It must not be what a run fails with. */
  async #tellStrayNotes(host: Host, unit: WorkUnit): Promise<void> {
    const look = `${unit.mode} ${unit.host}`;
    if (unit.phase.type !== 'play' || this.#lookedAt.has(look)) return;
    this.#lookedAt.add(look);
    const notices = await strayNotices(host, this.#plan, unit).catch(() => []);
    for (const notice of notices) this.#reporters.get(unit.host)?.notice(notice);
  }

  #guardOf({ salt, expect }: WorkUnit): PlanGuard | undefined {
    if (salt === undefined) return undefined;
    const seal = this.#seals.get(salt) ?? new Seal(this.#plan, salt);
    this.#seals.set(salt, seal);
    return new PlanGuard(seal, expect);
  }

  async #readySession(unit: WorkUnit, signal: AbortSignal): Promise<Session> {
    const session = await this.#session(unit.host);
    const isLocked = unit.mode === 'apply' || unit.lock;
    if (!isLocked || !session.lock) return session;
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

/** A unit that somebody else has made may be newer than this program. */
function refuseOtherVersions({ v, unitId }: WorkUnit): void {
  if ((v as number) === unitVersion) return;
  throw new ProvisionError({
    code: 'BUG',
    happened: `the unit of work ${unitId} has version ${String(v)}, and only ${unitVersion} is understood here`,
    hostState: 'host untouched',
    remedy: 'let the same provision run everywhere',
  });
}
