import { ProvisionError } from '../core/errors.ts';
import type { ReadHost } from '../core/host.ts';
import type { OnChangeStep } from '../core/step.ts';
import { isDue } from './due-note.ts';

/** Why an action is due that no change of this run calls for: an earlier run has left its note, or the host itself shows it. */
export async function whyDue(host: ReadHost, step: OnChangeStep): Promise<string | undefined> {
  const [isNoted, seen] = await Promise.all([isDue(host, step.id), step.action.whyDue?.(host)]);
  return isNoted ? 'due since an earlier run' : seen;
}

/** @throws ProvisionError `VERIFY_FAILED` when the host still shows that the action is due, which has just been done */
export async function proveDone(host: ReadHost, { action }: OnChangeStep): Promise<void> {
  const seen = await action.whyDue?.(host);
  if (seen === undefined) return;
  throw new ProvisionError({
    code: 'VERIFY_FAILED',
    happened: `${action.id} was done, but is still due: ${seen}`,
    hostState: 'the action was done',
    remedy: 'look at the host for what undoes it, then run again',
  });
}
