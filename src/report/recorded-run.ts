import type { HostSummary, RunMode, StepEvent } from '../core/event.ts';
import type { RecordedEvent } from '../core/run-record.ts';
import { formatDuration } from './duration.ts';
import { located, plural } from './event-lines.ts';
import { planView } from './plan-view.ts';
import { problemBlock } from './problem-block.ts';
import { endOf, localTime, whatOf, type ListedRun } from './run-list.ts';
import { sanitizeLine } from './sanitize.ts';
import { summary, summaryWithoutEnd } from './summary.ts';
import type { View } from './view.ts';

/** The steps of a part of a run, in order. */
export function stepsOf(events: readonly RecordedEvent[]): StepEvent[] {
  return events.flatMap((event) => (event.event === 'step' ? [event] : []));
}

/**
 * A recorded run as it was shown at its end: what it was, what came of each host, what failed and what to do about it.
 * @param events of the last part of the run, clean
 */
export function recordedRun(run: ListedRun, events: readonly RecordedEvent[], view: View): string[] {
  const steps = stepsOf(events);
  const mode = run.record.mode ?? 'apply';
  const plan = mode === 'check' ? planView(steps, view) : [];
  return [
    ...headOf(run, view),
    ...(plan.length > 0 ? ['', ...plan] : []),
    '',
    ...end(run, events, steps, view),
  ];
}

/** What it was: when, with what, by whom. */
export function headOf({ record, state }: ListedRun, { style }: View): string[] {
  const { id, inventory, playbook, user, machine, version, hosts } = record;
  const time = record.ms === undefined ? '' : ` after ${formatDuration(record.ms)}`;
  return [
    style.strong(`Run ${id}: ${whatOf(record)} on ${plural(hosts.length, 'host')}`),
    `  ${localTime(record.started)}, ${endOf(record, state)}${time}`,
    `  inventory ${inventory}, playbook ${playbook}`,
    `  by ${user}@${machine} with provision ${version}`,
    ...(record.incomplete === undefined ? [] : [`  some of its events are missing: ${record.incomplete}`]),
  ].map((line) => sanitizeStyledLine(line));
}

/** Lines here hold our own colours and nothing of a host but names without line breaks. */
function sanitizeStyledLine(line: string): string {
  return line.replaceAll('\n', '\\n');
}

function end(
  run: ListedRun,
  events: readonly RecordedEvent[],
  steps: readonly StepEvent[],
  view: View,
): string[] {
  const last = events.findLast((event) => event.event === 'summary');
  if (last?.event === 'summary') {
    const exit = run.record.exit ?? last.exit;
    const details = last.mode === 'check' ? [] : detailsOf(steps, view);
    return [...details, ...summary({ ...last, exit }, steps, view)];
  }
  const known = { mode: run.record.mode ?? 'apply', hosts: countsOf(steps, run.record.mode ?? 'apply') };
  const ending = run.state === 'running' ? 'It still runs' : `It ${endOf(run.record, run.state)}`;
  const open = underWay(events).map(({ host, step }) => `${host} ${step}`);
  const where = open.length === 0 ? '' : `; under way then: ${open.join(', ')}`;
  return [...detailsOf(steps, view), ...summaryWithoutEnd(known, steps, `${ending}${where}`, view)];
}

/** Each failure whole, with the end of the output that explains it: a run in lines has shown it while it went on. */
function detailsOf(steps: readonly StepEvent[], view: View): string[] {
  const blocks = steps.flatMap((step) =>
    (step.problems ?? []).flatMap((problem) => problemBlock(located(problem, step), view)),
  );
  return blocks.length === 0 ? [] : [...blocks, ''];
}

/** What had begun and not ended. */
function underWay(events: readonly RecordedEvent[]): { host: string; step: string }[] {
  const open = new Map<string, { host: string; step: string }>();
  for (const event of events) {
    if (event.event === 'step-start')
      open.set(event.host, { host: sanitizeLine(event.host), step: sanitizeLine(event.step) });
    if (event.event === 'step') open.delete(event.host);
  }
  return [...open.values()];
}

function countsOf(steps: readonly StepEvent[], mode: RunMode): Record<string, HostSummary> {
  const counts: Record<string, HostSummary> = {};
  for (const host of new Set(steps.map((step) => step.host))) {
    const own = steps.filter((step) => step.host === host);
    const count = (status: StepEvent['status']) => own.filter((step) => step.status === status).length;
    counts[host] = {
      ok: count('ok'),
      changed: count('changed'),
      failed: count('failed'),
      skipped: own.filter(({ status, leftOut }) => status === 'skipped' && !leftOut).length,
      ...(mode === 'check' && { wouldChange: count('would-change') }),
    };
  }
  return counts;
}
