import type { RunEvent, StepEvent } from '../core/event.ts';
import { formatDuration } from './duration.ts';
import { problemBlock } from './problem-block.ts';
import { sanitizeLine } from './sanitize.ts';
import { paintOf, type SignName } from './style.ts';
import type { View } from './view.ts';

/**
 * What a log says of an event: nothing, a line, or a block. Steps that are as wanted are told at verbosity 1 only.
 * @example
 * eventLines(stepEvent, view); // => ['~ lb-1  file /etc/nginx/nginx.conf  changed (120ms)', '    mode: 0644 → 0600']
 */
export function eventLines(event: RunEvent, view: View): string[] {
  switch (event.event) {
    case 'start':
      return view.verbosity < 0 ? [] : [startLine(event)];
    case 'phase':
      return view.verbosity < 0
        ? []
        : [view.style.strong(`${sanitizeLine(event.name)}${placeOf(event)}: ${hostList(event.hosts)}`)];
    case 'step':
      return stepLines(event, view);
    case 'notice':
      return noticeLines(event, view);
    case 'progress':
      return view.verbosity < 1 ? [] : [progressLine(event, view)];
    case 'step-start':
    case 'summary':
      return [];
  }
}

/** Which batch of its play it is. */
export function placeOf({ batch, batches }: RunEvent & { event: 'phase' }): string {
  return batch === undefined || batches === undefined ? '' : ` (batch ${batch} of ${batches})`;
}

/** Hosts in a line, shortened when they are many. */
export function hostList(hosts: readonly string[], most = 6): string {
  const names = hosts.map(sanitizeLine);
  if (names.length <= most) return names.join(', ');
  return `${names.slice(0, most - 1).join(', ')} and ${names.length - most + 1} more`;
}

function startLine(event: RunEvent & { event: 'start' }): string {
  const hosts = new Set(event.plays.flatMap((play) => play.hosts.map(({ host }) => host))).size;
  const what = `${plural(stepsToDo(event), 'step')} on ${plural(hosts, 'host')}`;
  return event.mode === 'check' ? `Checking ${what}; nothing is changed` : `Applying ${what}`;
}

/** Without what is left out; a requirement of a host is one for all its plays. */
function stepsToDo({ plays }: RunEvent & { event: 'start' }): number {
  const steps = plays.flatMap(({ hosts }, play) =>
    hosts.flatMap(({ host, steps: all, leftOut }) => {
      const without = new Set(leftOut);
      const own = all.filter((step) => !without.has(step));
      return own.map((step) => JSON.stringify(isRequirementId(step) ? [host, step] : [host, step, play]));
    }),
  );
  return new Set(steps).size;
}

function stepLines(event: StepEvent, view: View): string[] {
  if (!isWorthTelling(event, view.verbosity)) return [];
  const name: SignName = event.status === 'ok' && event.warning !== undefined ? 'warning' : event.status;
  const subject = `${event.host}  ${event.step}`;
  const line = `${signOf(name, view)} ${sanitizeLine(subject)}  ${outcomeOf(event, view)}`;
  const changes = view.renderChanges(event.changes ?? []).map((change) => `    ${change}`);
  const problems = (event.problems ?? []).flatMap((problem) => problemBlock(located(problem, event), view));
  return [line, ...changes, ...problems.map((text) => `  ${text}`)];
}

function isWorthTelling(event: StepEvent, verbosity: number): boolean {
  if (event.status === 'failed' || event.warning !== undefined || event.problems?.length) return true;
  if (verbosity >= 1) return true;
  // Requirements are what a person has to judge; a check shows what would change as its result, not as progress.
  return verbosity === 0 && (event.status === 'changed' || isRequirement(event));
}

export function isRequirement(event: StepEvent): boolean {
  return isRequirementId(event.step);
}

function isRequirementId(step: string): boolean {
  return step.startsWith('requirement ');
}

/** A problem as it happened in this step, for problems that do not say so themselves. */
export function located<P extends NonNullable<StepEvent['problems']>[number]>(
  problem: P,
  event: StepEvent,
): P {
  return { host: event.host, step: event.step, at: event.at, ...problem };
}

function outcomeOf(event: StepEvent, { style }: View): string {
  const word = event.status === 'would-change' ? 'would change' : event.status;
  const story = event.warning ?? event.reason ?? event.figure;
  const told = story === undefined ? word : `${word}: ${sanitizeLine(story)}`;
  return event.ms >= 100 ? `${told} ${style.dim(`(${formatDuration(event.ms)})`)}` : told;
}

function noticeLines(event: RunEvent & { event: 'notice' }, view: View): string[] {
  if (event.level === 'info' && view.verbosity < 0) return [];
  const host = event.host === undefined ? '' : `${event.host}  `;
  const sign = event.level === 'warning' ? `${signOf('warning', view)} ` : '';
  return [`${sign}${sanitizeLine(`${host}${event.text}`)}`];
}

function progressLine(event: RunEvent & { event: 'progress' }, view: View): string {
  return view.style.dim(`${view.style.ellipsis} ${sanitizeLine(`${event.host}  ${event.text}`)}`);
}

function signOf(name: SignName, { style }: View): string {
  return paintOf(style, name)(style.sign[name]);
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
