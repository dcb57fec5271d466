import type { StepEvent } from '../core/event.ts';
import type { OnChangeStep, Step } from '../core/step.ts';
import type { WorkUnit } from './executor.ts';
import { Attempts } from './attempts.ts';
import { Deadline } from './deadline.ts';
import { LookAhead } from './look-ahead.ts';
import { runStep, type StepContext } from './run-step.ts';

type StepName = Pick<Step, 'id' | 'at'>;

/** Is told what happens to each step, in order. */
export interface StepReporter {
  started(step: StepName): void;
  /** `startedAt` is a reading of the run's clock. */
  ended(
    step: StepName,
    startedAt: number,
    outcome: Pick<StepEvent, 'status'> &
      Partial<Omit<StepEvent, 'event' | 'host' | 'play' | 'step' | 'ms' | 'at'>>,
  ): void;
  skipped(step: StepName, reason: string): void;
  /** Is no part of the run: somebody has chosen other steps. */
  leftOut(step: StepName, reason: string): void;
  failed(step: StepName, startedAt: number, error: unknown, extra?: { readonly tries?: number }): void;
  notice(notice: { readonly level: 'warning'; readonly text: string }): void;
}

type Surroundings = Pick<StepContext, 'host' | 'clock' | 'signal' | 'losses' | 'guard' | 'confirm'> &
  Pick<WorkUnit, 'phase' | 'mode' | 'skipRequirements' | 'pendingChanges' | 'playbook'> & {
    /** All that the play has for the host: an action that is left out stays due when a step that it watches changes. */
    readonly allSteps: readonly Step[];
  };

/**
 * Brings the steps of one unit to their end, in order; the first failure ends them, but for requirements. What is told and
 * done is what it would be if each step were read in its turn only.
 */
export async function runSteps(
  steps: readonly Step[],
  around: Surroundings,
  reporter: StepReporter,
): Promise<void> {
  const changed = new Set<string>();
  const ahead = new LookAhead(steps, around);
  const context = {
    ...around,
    changed,
    ahead,
    watchersOf: (step: Step) => watchersOf(step, around.allSteps),
  };
  try {
    for (const [index, step] of steps.entries()) {
      const reason = await runOne(step, context, reporter);
      if (reason === undefined) continue;
      for (const rest of steps.slice(index + 1)) reporter.skipped(rest, reason);
      return;
    }
  } finally {
    ahead.end();
  }
}

type UnitContext = Omit<StepContext, 'deadline' | 'attempts'> &
  Surroundings & { readonly changed: Set<string> };

/** Returns why the steps behind this one are not done, if they are not. */
async function runOne(step: Step, context: UnitContext, reporter: StepReporter): Promise<string | undefined> {
  const { ahead, changed, clock, signal } = context;
  if (signal.aborted) {
    reporter.skipped(step, 'interrupted before this step');
    return 'interrupted before this step';
  }
  const startedAt = clock.now();
  const losses = context.losses?.();
  ahead.begin(step);
  reporter.started(step);
  const deadline = new Deadline(step, clock);
  const tell = (text: string) => {
    // What comes next is a pause, in which the host may change.
    ahead.change();
    reporter.notice({ level: 'warning', text });
  };
  const attempts = new Attempts(step, { clock, signal, deadline, tell });
  try {
    const outcome = await runStep(step, {
      ...context,
      host: deadline.limit(context.host),
      deadline,
      attempts,
    });
    if (outcome.status === 'changed' || outcome.status === 'would-change') changed.add(step.id);
    if (outcome.status !== 'changed') ahead.passed();
    reporter.ended(step, startedAt, { ...outcome, ...attempts.told() });
  } catch (error) {
    if (lostAndInterrupted(context, losses)) {
      reporter.skipped(step, 'interrupted while the host was lost: the outcome of this step is unknown');
      return 'interrupted before this step';
    }
    reporter.failed(step, startedAt, deadline.explain(error), attempts.told());
    // Requirements are independent of each other: a person wants to see all that are not met at once.
    return context.phase.type === 'requirements' ? undefined : `"${step.id}" failed before`;
  }
  return undefined;
}

/** A host that is lost when the run is interrupted is not waited for: no fault of its own. */
function lostAndInterrupted(around: Surroundings, lossesBefore: number | undefined): boolean {
  return around.signal.aborted && around.losses?.() !== lossesBefore;
}

function watchersOf(step: Step, steps: readonly Step[]): OnChangeStep[] {
  return steps.filter(
    (other): other is OnChangeStep => other.type === 'onChange' && other.watches.includes(step.id),
  );
}
