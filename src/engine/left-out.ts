import type { LeftOut } from '../core/plan.ts';
import type { Step } from '../core/step.ts';
import type { StepReporter } from './run-steps.ts';

/**
 * The steps of a unit without those that a person has left out. These are never read; `reporter` tells them in their places
 * among the others, and `end` those that come after the last.
 */
export function withoutLeftOut(
  steps: readonly Step[],
  leftOut: LeftOut,
  inner: StepReporter,
): { readonly kept: readonly Step[]; readonly reporter: StepReporter; readonly end: () => void } {
  const waiting = [...steps];
  const isLeftOut = ({ id }: Pick<Step, 'id'>) => leftOut[id] !== undefined;
  /** Tells the left-out steps up to the given one; none when it is no step of the unit, such as connecting. */
  const catchUp = (id?: string) => {
    const place = id === undefined ? waiting.length : waiting.findIndex((step) => step.id === id) + 1;
    for (const step of waiting.splice(0, place).filter(isLeftOut)) inner.leftOut(step, leftOut[step.id]!);
  };
  return {
    kept: steps.filter((step) => !isLeftOut(step)),
    reporter: {
      started: (step) => {
        catchUp(step.id);
        inner.started(step);
      },
      ended: (step, ...rest) => {
        catchUp(step.id);
        inner.ended(step, ...rest);
      },
      skipped: (step, reason) => {
        catchUp(step.id);
        inner.skipped(step, reason);
      },
      failed: (step, ...rest) => {
        catchUp(step.id);
        inner.failed(step, ...rest);
      },
      leftOut: (step, reason) => inner.leftOut(step, reason),
      notice: (notice) => inner.notice(notice),
    },
    end: () => {
      catchUp();
    },
  };
}
