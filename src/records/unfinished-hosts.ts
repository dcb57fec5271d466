import type { RunEvent, StepEvent } from '../core/event.ts';

/** The events of the last thing that a command did: one that asks checks first, and then applies. */
export function lastPart<E extends RunEvent>(events: readonly E[]): readonly E[] {
  const start = events.findLastIndex((event) => event.event === 'start');
  return start < 0 ? [] : events.slice(start);
}

/**
 * The hosts on which a run has not done all that it was to do, in the order of the run: something failed there, they could not
 * be reached, or a failure, an interrupt or the end of the process left steps out.
 * @param events of the run, of which the last part counts
 */
export function unfinishedHosts(events: readonly RunEvent[]): string[] {
  const part = lastPart(events);
  const start = part[0];
  if (start?.event !== 'start') return [];
  const steps = part.filter((event): event is StepEvent => event.event === 'step');
  const failed = new Set(steps.filter(({ status }) => status === 'failed').map(({ host }) => host));
  const done = new Set(steps.filter(isDone).map(({ play, host, step }) => keyOf(play, host, step)));
  const isOpen = (play: string, host: string, step: string) =>
    !isRequirement(step) && !done.has(keyOf(play, host, step));
  const open = start.plays.flatMap(({ name, hosts }) =>
    hosts
      .filter(({ host, steps: ids }) => failed.has(host) || ids.some((id) => isOpen(name, host, id)))
      .map(({ host }) => host),
  );
  return [...new Set(open)];
}

function isDone({ status, leftOut }: StepEvent): boolean {
  return status === 'ok' || status === 'changed' || leftOut === true;
}

/** One that was overridden or was met in the check before is not left undone. */
function isRequirement(step: string): boolean {
  return step.startsWith('requirement ');
}

function keyOf(...parts: readonly string[]): string {
  return JSON.stringify(parts);
}
