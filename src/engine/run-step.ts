import type { Change } from '../core/change.ts';
import { effectOfAction } from '../core/effect.ts';
import { ProvisionError } from '../core/errors.ts';
import type { RunMode, StepEvent } from '../core/event.ts';
import type { Host } from '../core/host.ts';
import type {
  ConditionStep,
  Observation,
  OnChangeStep,
  RequirementStep,
  ResourceStep,
  Step,
  Verdict,
} from '../core/step.ts';
import { askFirst, declined, isAgreedTo, type Asking } from './ask-first.ts';
import type { Clock } from './clock.ts';
import type { Attempts } from './attempts.ts';
import type { Deadline } from './deadline.ts';
import { removeDueNote, writeDueNotes } from './due-note.ts';
import type { LookAhead } from './look-ahead.ts';
import type { PlanGuard } from './plan-guard.ts';
import { repeatLost, type LossWatch } from './repeat-lost.ts';
import { proveDone, whyDue } from './why-due.ts';

/** What a step needs to know of the run it is part of. */
export interface StepContext extends LossWatch, Asking {
  /** Its calls end with the deadline of the step. */
  readonly host: Host;
  readonly ahead: LookAhead;
  readonly deadline: Deadline;
  readonly attempts: Attempts;
  readonly mode: RunMode;
  readonly clock: Clock;
  /** Ids of earlier steps of this play on this host that changed, or in a check would change, something. */
  readonly changed: ReadonlySet<string>;
  /** The steps of this play that watch the given one. */
  watchersOf(step: Step): readonly OnChangeStep[];
  /** In a check: something that this play builds on would change first. */
  readonly pendingChanges: boolean;
  readonly skipRequirements: readonly string[];
  /** What notes of due actions call the playbook. */
  readonly playbook?: string | undefined;
  /** Present when a plan is made or applied. */
  readonly guard?: PlanGuard | undefined;
}

export type StepOutcome = Pick<
  StepEvent,
  'status' | 'changes' | 'effects' | 'precondition' | 'figure' | 'warning' | 'reason'
>;

/**
 * Brings one step to its end, through a line that breaks: nothing is believed of what was under way then, the host is
 * read again. Throws `ProvisionError` when the step failed.
 */
export async function runStep(step: Step, context: StepContext): Promise<StepOutcome> {
  switch (step.type) {
    case 'resource':
      return runResource(step, context);
    case 'condition':
      return runCondition(step, context);
    case 'onChange':
      return runOnChange(step, context);
    case 'requirement':
      return runRequirement(step, context);
  }
}

async function runResource(step: ResourceStep, context: StepContext): Promise<StepOutcome> {
  const { host, mode, ahead } = context;
  /** What was to change when the change was first begun. */
  let begun: readonly Change[] | undefined;
  return persist(context, async () => {
    const first = await read(step, context, () => step.read(host));
    if (mode === 'check') return foreseen(step, first, step.diff(first), context);
    const found = { have: first, changes: step.diff(first) };
    const agreed = begun ? found : await askFirst(found, step, context);
    if (!agreed) return declined(context);
    const { have, changes } = agreed;
    if (changes.length === 0) return begun ? { status: 'changed', changes: begun } : { status: 'ok' };
    await context.guard?.hold(step, changes, have);
    ahead.change(step);
    const watchers = context.watchersOf(step);
    await writeDueNotes(
      host,
      watchers.map(({ id }) => id),
      context.playbook,
    );
    begun ??= changes;
    await step.apply(host, have);
    const left = step.diff(await ahead.verify(step, () => step.read(host)));
    if (left.length > 0) throw notConverged(left);
    return { status: 'changed', changes: begun };
  });
}

async function foreseen(
  step: ResourceStep,
  have: unknown,
  changes: readonly Change[],
  { guard }: StepContext,
): Promise<StepOutcome> {
  const read = guard && { precondition: await guard.precondition(step, have) };
  if (changes.length === 0) return { status: 'ok', ...read };
  const effects = step.effects(have, changes);
  return { status: 'would-change', changes, ...(effects.length > 0 && { effects }), ...read };
}

/** Tries again as the step says, and through a line that breaks. */
function persist<T>(context: StepContext, work: () => Promise<T>): Promise<T> {
  return context.attempts.repeat(() => repeatLost(context, work));
}

/** What a step reads in its turn; it may have been read ahead. */
function read<T>(step: Step, { ahead, deadline }: StepContext, inTurn: () => Promise<T>): Promise<T> {
  return deadline.race(ahead.read(step, inTurn));
}

function notConverged(left: readonly Change[]): ProvisionError {
  return new ProvisionError({
    code: 'VERIFY_FAILED',
    happened: `the change was made, but reading again still finds a difference in ${left.map((change) => change.path).join(', ')}`,
    hostState: 'the change may be half done',
    remedy: 'look at the host for what undoes the change, then run again',
  });
}

async function runCondition(step: ConditionStep, context: StepContext): Promise<StepOutcome> {
  const { host, clock, signal, ahead, deadline } = context;
  if (context.mode === 'check' && (context.pendingChanges || context.changed.size > 0)) {
    return { status: 'skipped', reason: 'known after apply: an earlier step would change first' };
  }
  const started = clock.now();
  let seen = await read(step, context, () => observe(step, context));
  for (;;) {
    if (seen.holds) return { status: 'ok', figure: seen.saw };
    const waited = clock.now() - started;
    if (seen.hopeless !== undefined)
      throw conditionFailed('CONDITION_FAILED', `${seen.hopeless} (saw: ${seen.saw})`, step);
    if (context.mode === 'check')
      throw conditionFailed('CONDITION_FAILED', `it does not hold: ${seen.saw}`, step);
    if (waited >= step.timeoutMs) {
      throw conditionFailed(
        'CONDITION_TIMEOUT',
        `not within ${seconds(step.timeoutMs)}; last seen: ${seen.saw}`,
        step,
      );
    }
    if (signal.aborted) return { status: 'skipped', reason: 'interrupted while waiting' };
    // Who waits for something expects the host to change meanwhile.
    ahead.change();
    host.progress(
      `waiting for ${step.id}: ${seen.saw} (${seconds(waited)} of at most ${seconds(step.timeoutMs)})`,
    );
    const pause = Math.min(step.intervalMs, step.timeoutMs - waited);
    await clock.sleep(Math.min(pause, deadline.timeLeft()), signal);
    seen = await observe(step, context);
  }
}

/** What is seen, or that the host was lost: a condition has a deadline of its own, and goes on until then. */
async function observe(step: ConditionStep, context: StepContext): Promise<Observation> {
  if (context.mode === 'check') return repeatLost(context, () => step.observe(context.host));
  const before = context.losses?.();
  try {
    return await step.observe(context.host);
  } catch (error) {
    if (context.losses?.() === before || context.signal.aborted) throw error;
    return { holds: false, saw: 'the connection was lost' };
  }
}

function conditionFailed(
  code: 'CONDITION_FAILED' | 'CONDITION_TIMEOUT',
  happened: string,
  step: ConditionStep,
): ProvisionError {
  return new ProvisionError({ code, happened, hostState: 'this step changes nothing', remedy: step.remedy });
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}

/** An action that was under way when the line broke is done again: its note stands until it has ended well. */
async function runOnChange(step: OnChangeStep, context: StepContext): Promise<StepOutcome> {
  return persist(context, () => runOnChangeOnce(step, context));
}

async function runOnChangeOnce(step: OnChangeStep, context: StepContext): Promise<StepOutcome> {
  const { host, changed, mode, ahead } = context;
  const cause = step.watches.find((id) => changed.has(id));
  const have = cause
    ? `${cause} ${mode === 'check' ? 'would change' : 'changed'}`
    : await read(step, context, () => whyDue(host, step));
  if (have === undefined) return { status: 'ok' };
  const changes: Change[] = [{ type: 'value', path: 'due', have, want: step.action.id }];
  if (mode === 'check') return { status: 'would-change', changes, effects: [effectOfAction(step.action)] };
  await context.guard?.hold(step, changes);
  // The note on the host stays, so that the action is still due.
  if (!(await isAgreedTo(step, changes, context))) return declined(context);
  ahead.change(step);
  await step.action.run(host);
  await proveDone(host, step);
  const removed = removeDueNote(host, step.id);
  ahead.readNext(step);
  await removed;
  return { status: 'changed', changes };
}

async function runRequirement(step: RequirementStep, context: StepContext): Promise<StepOutcome> {
  const { host } = context;
  return persist(context, async () =>
    judge(step, await read(step, context, () => step.check(host)), context),
  );
}

function judge(step: RequirementStep, verdict: Verdict, context: StepContext): StepOutcome {
  const { level, figure, advice } = verdict;
  if (level === 'pass') return { status: 'ok', figure };
  const story = `${figure}; the rule: ${step.rule}${advice === undefined ? '' : `; ${advice}`}`;
  if (level === 'warn') return { status: 'ok', figure, warning: story };
  if (context.skipRequirements.includes(step.name)) {
    return {
      status: 'skipped',
      figure,
      reason: `overridden by --skip-requirement ${step.name}`,
      warning: story,
    };
  }
  throw new ProvisionError({
    code: 'REQUIREMENT',
    happened: `${figure}; the rule: ${step.rule}`,
    hostState: 'nothing was changed on any host',
    remedy: [advice, `or override it with --skip-requirement ${step.name}`].filter(Boolean).join(', '),
  });
}
