import { problemsOf, type Problem } from '../core/errors.ts';
import type { Plan } from '../core/plan.ts';
import type { Step } from '../core/step.ts';
import type { Clock } from './clock.ts';
import type { EventQueue } from './event-queue.ts';
import type { WorkUnit } from './executor.ts';
import type { StepReporter } from './run-steps.ts';

/** Something about a host that a person should know, whatever becomes of the step at hand. */
export interface Notice {
  readonly level: 'info' | 'warning';
  readonly text: string;
}

type StepName = Pick<Step, 'id' | 'at'>;

/** Turns what happens in one unit into events. */
export class UnitReporter implements StepReporter {
  readonly #host: string;
  readonly #play: string;
  readonly #queue: EventQueue;
  readonly #clock: Clock;
  #current = 'connect';

  constructor(unit: WorkUnit, plan: Plan, queue: EventQueue, clock: Clock) {
    this.#host = unit.host;
    this.#play =
      unit.phase.type !== 'requirements'
        ? (plan.plays[unit.phase.index]?.name ?? unit.unitId)
        : unit.phase.type;
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

  leftOut(step: StepName, reason: string): void {
    this.ended(step, this.#clock.now(), { status: 'skipped', reason, leftOut: true });
  }

  failed(step: StepName, startedAt: number, error: unknown, extra: { readonly tries?: number } = {}): void {
    const where = { host: this.#host, step: step.id, at: step.at };
    const problems = problemsOf(error).map((problem): Problem => ({ ...where, ...problem }));
    this.ended(step, startedAt, { status: 'failed', problems, ...extra });
  }
}
