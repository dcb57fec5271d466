import type { Change } from '../core/change.ts';
import type { Host } from '../core/host.ts';
import type { ResourceStep, Step } from '../core/step.ts';
import type { Deadline } from './deadline.ts';
import type { LookAhead } from './look-ahead.ts';

/** Asks a person before a step on a host changes anything; false leaves it as it is. */
export type ConfirmChange = (host: string, step: Step, changes: readonly Change[]) => Promise<boolean>;

/** What a question needs of the run that it is part of. */
export interface Asking {
  readonly host: Host;
  readonly signal: AbortSignal;
  readonly deadline: Deadline;
  readonly ahead: LookAhead;
  /** Asks a person before a change; absent: nobody is asked. */
  readonly confirm?: ((step: Step, changes: readonly Change[]) => Promise<boolean>) | undefined;
}

/** What a step has read, and what would follow from it. */
interface Seen {
  readonly have: unknown;
  readonly changes: readonly Change[];
}

/**
 * What a step may go on with, once a person has agreed to the changes; undefined when they have not. It is read again after
 * the answer, since a person takes their time, and asked again when that shows other changes.
 */
export async function askFirst(found: Seen, step: ResourceStep, asking: Asking): Promise<Seen | undefined> {
  let agreed: string | undefined;
  let now = found;
  while (asking.confirm && now.changes.length > 0 && agreed !== JSON.stringify(now.changes)) {
    agreed = JSON.stringify(now.changes);
    if (!(await isAgreedTo(step, now.changes, asking))) return undefined;
    const have = await step.read(asking.host);
    now = { have, changes: step.diff(have) };
  }
  return now;
}

/** Whether the changes may be made. The time of an answer is not the step's, and the host may change meanwhile. */
export async function isAgreedTo(
  step: Step,
  changes: readonly Change[],
  { confirm, deadline, ahead }: Asking,
): Promise<boolean> {
  if (!confirm) return true;
  const answer = await deadline.pause(confirm(step, changes));
  ahead.change();
  return answer;
}

/** How a step ends that a person has not agreed to. */
export function declined({ signal }: Asking): { readonly status: 'skipped'; readonly reason: string } {
  const reason = signal.aborted ? 'stopped at the question before this step' : 'not agreed to (--step)';
  return { status: 'skipped', reason };
}
