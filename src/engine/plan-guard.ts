import type { Change } from '../core/change.ts';
import { ProvisionError } from '../core/errors.ts';
import type { ResourceStep, Step } from '../core/step.ts';
import type { Seal } from './seal.ts';

/** What the plan that is applied says of one step. */
export interface ExpectedStep {
  readonly id: string;
  readonly precondition?: string;
  /** A keyed hash of each change: its place and what is wanted there. */
  readonly changes: readonly string[];
  /** Whether some of what it would change is known only when it is its turn. */
  readonly isOpen: boolean;
}

/** What the plan that is applied says of the steps of one unit. */
export interface Expectation {
  /** Whether this run has changed nothing yet that the unit builds on. */
  readonly untouched: boolean;
  readonly steps: readonly ExpectedStep[];
}

/** What a check has found of one step. */
interface FoundStep {
  readonly id: string;
  readonly precondition?: string;
  readonly changes: readonly Change[];
}

/** The steps of one play on one host, as a check has found them, to hold the run that follows to it. */
export async function expectedSteps(steps: readonly FoundStep[], seal: Seal): Promise<ExpectedStep[]> {
  return Promise.all(
    steps.map(async ({ id, precondition, changes }) => ({
      id,
      ...(precondition !== undefined && { precondition }),
      changes: await Promise.all(changes.map((change) => essenceOf(change, seal))),
      isOpen: changes.some(({ type }) => type === 'unknown'),
    })),
  );
}

/**
 * Holds the steps of one unit to the plan. As long as this run has changed nothing that the unit builds on, a step must find
 * what the plan has found. Afterwards it may find something else, since earlier steps have made it; but whatever it
 * finds, it changes no more than the plan shows.
 */
export class PlanGuard {
  readonly #seal: Seal;
  readonly #steps: ReadonlyMap<string, ExpectedStep> | undefined;
  #untouched: boolean;
  /** Steps that have begun: what they find when they are tried again is their own work. */
  readonly #begun = new Set<string>();

  constructor(seal: Seal, expectation: Expectation | undefined) {
    this.#seal = seal;
    this.#steps = expectation && new Map(expectation.steps.map((step) => [step.id, step]));
    this.#untouched = expectation?.untouched ?? true;
  }

  precondition(step: ResourceStep, have: unknown): Promise<string> {
    return this.#seal.of(step.precondition(have));
  }

  /**
   * Call it right before the step changes anything.
   * @throws ProvisionError `STALE_PLAN` when the plan does not cover it
   */
  async hold(step: Step, changes: readonly Change[], have?: unknown): Promise<void> {
    if (!this.#steps || this.#begun.has(step.id)) return;
    const expected = this.#steps.get(step.id);
    const planned = new Set(expected?.changes);
    const isCovered = await Promise.all(
      changes.map(async (change) => planned.has(await essenceOf(change, this.#seal))),
    );
    const surplus = changes.filter((_, index) => !isCovered[index]).map(({ path }) => path);
    if (surplus.length > 0 && expected?.isOpen !== true)
      throw staleStep(`it would now change ${surplus.join(', ')}`);
    if (this.#untouched && step.type === 'resource' && expected?.precondition !== undefined) {
      const found = await this.precondition(step, have);
      if (found !== expected.precondition) throw staleStep('the host has moved since it was read');
    }
    this.#begun.add(step.id);
    this.#untouched = false;
  }
}

/** What was there before does not count: it may be the work of an earlier step. */
function essenceOf(change: Change, seal: Seal): Promise<string> {
  const { type, path } = change;
  return seal.of({ type, path, ...('want' in change && { want: change.want }) });
}

function staleStep(found: string): ProvisionError {
  return new ProvisionError({
    code: 'STALE_PLAN',
    happened: `the plan does not cover this step any more: ${found}`,
    hostState: 'this step changed nothing; the steps before it did what the plan shows',
    remedy: 'make a new plan, look at it, and apply that one',
  });
}
