import type { StepEvent } from '../core/event.ts';
import type { RecordedEvent } from '../core/run-record.ts';
import { formatLocation } from '../core/source.ts';
import { formatDuration } from './duration.ts';
import { hostList, located, plural } from './event-lines.ts';
import { problemBlock, shortLocations } from './problem-block.ts';
import { headOf, stepsOf } from './recorded-run.ts';
import { localTime, type ListedRun } from './run-list.ts';
import { sanitizeLine } from './sanitize.ts';
import { paintOf } from './style.ts';
import type { View } from './view.ts';
import { causeOf } from './why-skipped.ts';

const slowest = 10;

/** Why a run came to what it came to: the first failures, what followed from them, what the hosts told, where the time went. */
export function explainRun(run: ListedRun, events: readonly RecordedEvent[], view: View): string[] {
  const steps = stepsOf(events);
  const failed = steps.filter(({ status }) => status === 'failed');
  return [
    ...headOf(run, view),
    ...section(
      'What failed',
      failed.flatMap((step) => failure(step, view)),
      view,
    ),
    ...section('What was left out, and why', leftOut(steps, view), view),
    ...section('What was told on the way', notices(events, view), view),
    ...section('The slowest steps', slow(steps), view),
  ];
}

/** The story of one host, step by step. */
export function explainHost(events: readonly RecordedEvent[], host: string, view: View): string[] {
  const all = stepsOf(events);
  const own = events.filter((event) => 'host' in event && event.host === host);
  const lines = own.flatMap((event) => {
    if (event.event === 'notice')
      return [`  ${clock(event)} ${view.style.sign.warning} ${sanitizeLine(event.text)}`];
    if (event.event !== 'step') return [];
    return [
      `  ${clock(event)} ${headline(event, view)}`,
      ...reasons(event, all, view).map((line) => `    ${line}`),
    ];
  });
  const open = startedLast(own);
  const never =
    open === undefined ? [] : [`  ${clock(open)} ${sanitizeLine(open.step)} began, and has no end`];
  return [
    view.style.strong(sanitizeLine(host)),
    ...lines,
    ...never,
    ...section('The slowest steps', slow(all.filter((step) => step.host === host)), view),
  ];
}

/** The story of one step on one host: all that was seen and told while it was under way. */
export function explainStep(
  events: readonly RecordedEvent[],
  host: string,
  step: string,
  view: View,
): string[] {
  const all = stepsOf(events);
  let isOpen = false;
  const lines = events.flatMap((event) => {
    if (!('host' in event) || event.host !== host) return [];
    if (event.event === 'step-start') {
      isOpen = event.step === step;
      return isOpen ? [`  ${clock(event)} it began`] : [];
    }
    if (event.event === 'step') {
      isOpen = false;
      return event.step === step ? ending(event, all, view) : [];
    }
    return isOpen && 'text' in event ? [`  ${clock(event)} ${sanitizeLine(event.text)}`] : [];
  });
  const place = all.find((event) => event.host === host && event.step === step)?.at ?? [];
  return [
    view.style.strong(sanitizeLine(`${host} ${step}`)),
    ...(place.length > 0 ? [`  made at ${placeOf(place, view)}`] : []),
    ...lines,
  ];
}

function ending(event: RecordedEvent & StepEvent, all: readonly StepEvent[], view: View): string[] {
  const changes = view.renderChanges(event.changes ?? []).map((line) => `    ${line}`);
  const why = reasons(event, all, view).map((line) => `    ${line}`);
  return [`  ${clock(event)} ${headline(event, view)}`, ...changes, ...why];
}

function headline({ step, status, ms, figure, warning }: StepEvent, { style }: View): string {
  const seen = warning ?? figure;
  const told = seen === undefined ? '' : `: ${sanitizeLine(seen)}`;
  const time = ms >= 100 ? ` ${style.dim(`(${formatDuration(ms)})`)}` : '';
  return `${paintOf(style, status)(style.sign[status])} ${sanitizeLine(step)}  ${status}${told}${time}`;
}

/** Why a step is what it is: its problems, or the chain back to the first failure. */
function reasons(event: StepEvent, all: readonly StepEvent[], view: View): string[] {
  const problems = (event.problems ?? []).flatMap((problem) => problemBlock(located(problem, event), view));
  if (event.status !== 'skipped') return problems;
  const cause = causeOf(event, all);
  const own = `because ${sanitizeLine(event.reason ?? 'nothing is known of why')}`;
  return cause ? [own, ...failure(cause, view).map((line) => `  ${line}`)] : [own];
}

function failure(step: StepEvent, view: View): string[] {
  const told = (step.problems ?? []).flatMap((problem) => problemBlock(located(problem, step), view));
  if (told.length > 0) return told;
  return [`${sanitizeLine(`${step.host} ${step.step}`)}, made at ${placeOf(step.at, view)}: ${step.status}`];
}

/** One entry a reason, however many steps it kept from being done. */
function leftOut(steps: readonly StepEvent[], view: View): string[] {
  const byReason = new Map<string, StepEvent[]>();
  for (const step of steps.filter(({ status }) => status === 'skipped')) {
    const cause = causeOf(step, steps);
    const root = cause
      ? `; it goes back to ${cause.host} ${cause.step}, made at ${placeOf(cause.at, view)}`
      : '';
    const reason = sanitizeLine(`${step.reason ?? 'nothing is known of why'}${root}`);
    byReason.set(reason, [...(byReason.get(reason) ?? []), step]);
  }
  return [...byReason].map(([reason, skipped]) => {
    const hosts = hostList([...new Set(skipped.map(({ host }) => host))]);
    return `${plural(skipped.length, 'step')} on ${hosts}: ${reason}`;
  });
}

function notices(events: readonly RecordedEvent[], { style }: View): string[] {
  return events.flatMap((event) =>
    event.event === 'notice'
      ? [
          `${clock(event)} ${style.sign[event.level === 'warning' ? 'warning' : 'waiting']} ${sanitizeLine(`${event.host ?? ''} ${event.text}`.trim())}`,
        ]
      : [],
  );
}

function slow(steps: readonly StepEvent[]): string[] {
  return [...steps]
    .filter(({ ms }) => ms >= 100)
    .sort((a, b) => b.ms - a.ms)
    .slice(0, slowest)
    .map(({ host, step, ms, status }) => sanitizeLine(`${formatDuration(ms)}  ${host}  ${step} (${status})`));
}

function startedLast(
  events: readonly RecordedEvent[],
): (RecordedEvent & { event: 'step-start' }) | undefined {
  const last = events.findLast((event) => event.event === 'step-start' || event.event === 'step');
  return last?.event === 'step-start' ? last : undefined;
}

/** The time of day at which it came. */
function clock({ time }: RecordedEvent): string {
  return localTime(time).slice(11);
}

function placeOf(at: StepEvent['at'], { folder }: View): string {
  return sanitizeLine(shortLocations(at, folder).map(formatLocation).join(' < ')) || 'no known place';
}

function section(title: string, lines: readonly string[], { style }: View): string[] {
  return lines.length === 0 ? [] : ['', style.strong(title), ...lines.map((line) => `  ${line}`)];
}
