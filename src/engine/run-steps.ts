import type { StepEvent } from '../core/event.ts';
import type { OnChangeStep, Step } from '../core/step.ts';
import type { WorkUnit } from './executor.ts';
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
  failed(step: StepName, startedAt: number, error: unknown): void;
}

type Surroundings = Pick<StepContext, 'host' | 'clock' | 'signal' | 'losses' | 'guard'> &
  Pick<WorkUnit, 'phase' | 'mode' | 'skipRequirements' | 'pendingChanges'> & {
    /** All that the play has for the host: an action that is left out stays due when a step that it watches changes. */
    readonly allSteps: readonly Step[];
  };

/** Brings the steps of one unit to their end, in order; the first failure ends them, but for requirements. */
export async function runSteps(
  steps: readonly Step[],
  around: Surroundings,
  reporter: StepReporter,
): Promise<void> {
  const changed = new Set<string>();
  const context: StepContext = {
    ...around,
    changed,
    watchersOf: (step) => watchersOf(step, around.allSteps),
  };
  for (const [index, step] of steps.entries()) {
    const stop = (reason: string) => {
      for (const rest of steps.slice(index + 1)) reporter.skipped(rest, reason);
    };
    if (around.signal.aborted) {
      reporter.skipped(step, 'interrupted before this step');
      stop('interrupted before this step');
      return;
    }
    const startedAt = around.clock.now();
    const losses = around.losses?.();
    reporter.started(step);
    try {
      const outcome = await runStep(step, context);
      if (outcome.status === 'changed' || outcome.status === 'would-change') changed.add(step.id);
      reporter.ended(step, startedAt, outcome);
    } catch (error) {
      if (lostAndInterrupted(around, losses)) {
        reporter.skipped(step, 'interrupted while the host was lost: the outcome of this step is unknown');
        stop('interrupted before this step');
        return;
      }
      reporter.failed(step, startedAt, error);
      // Requirements are independent of each other: a person wants to see all that are not met at once.
      if (around.phase.type === 'requirements') continue;
      stop(`"${step.id}" failed before`);
      return;
    }
  }
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
