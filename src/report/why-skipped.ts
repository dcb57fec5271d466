import type { StepEvent } from '../core/event.ts';

/**
 * The earlier step because of which one was left out, or undefined when it was not for a step of this run.
 * @param steps all steps of the run, in order
 */
export function causeOf(skipped: StepEvent, steps: readonly StepEvent[]): StepEvent | undefined {
  const before = steps.slice(0, steps.indexOf(skipped));
  const reason = skipped.reason ?? '';
  if (skipped.leftOut || /^(interrupted|overridden|not agreed to|stopped at the question)/.test(reason))
    return undefined;
  if (reason.startsWith('known after apply'))
    return before.find(({ status, host }) => status === 'would-change' && host === skipped.host);
  const failed = before.filter(({ status }) => status === 'failed');
  return (
    failed.find(({ host, step }) => host === skipped.host && reason.includes(`"${step}"`)) ??
    failed.find(({ host }) => host === skipped.host) ??
    failed.find(({ host }) => reason.includes(`"${host}"`)) ??
    failed.find(({ problems = [] }) => problems.some(({ code }) => code === 'REQUIREMENT')) ??
    failed[0]
  );
}
