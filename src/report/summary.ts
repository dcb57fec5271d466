import { errorCodes } from '../core/errors.ts';
import type { HostSummary, RunEvent, StepEvent } from '../core/event.ts';
import { formatDuration } from './duration.ts';
import { hostList, isRequirement, plural } from './event-lines.ts';
import { sanitize, sanitizeLine } from './sanitize.ts';
import { paintOf, type SignName } from './style.ts';
import { alignColumns } from './table.ts';
import type { View } from './view.ts';

type SummaryEvent = RunEvent & { readonly event: 'summary' };

// Above this the table shows only hosts on which something happened.
const mostHosts = 20;
const mostLines = 20;

/**
 * The end of a run for people: counts of every host, what changed, what failed and why, the verdict, and after a success the
 * notes of the playbook.
 * @param steps the step events of the run, clean
 * @example
 * summary(summaryEvent, steps, view).join('\n');
 */
export function summary(event: SummaryEvent, steps: readonly StepEvent[], view: View): string[] {
  return inSections([
    ...outcomeSections(event, steps, view),
    [verdict(event, steps, view)],
    event.exit === 0 ? event.notes.flatMap((note) => sanitize(note).split('\n')) : [],
  ]);
}

/** The same of a run that never came to its summary; `ending` says what is known of its end. */
export function summaryWithoutEnd(
  event: Counted,
  steps: readonly StepEvent[],
  ending: string,
  view: View,
): string[] {
  const { style } = view;
  const line = `${style.bad(style.sign.failed)} ${style.strong(sanitizeLine(ending))}`;
  return inSections([...outcomeSections(event, steps, view), [line]]);
}

type Counted = Pick<SummaryEvent, 'mode' | 'hosts'>;

function outcomeSections(event: Counted, steps: readonly StepEvent[], view: View): string[][] {
  return [
    hostTable(event, view),
    changeSection(event, steps, view),
    failureSection(event, steps, view),
    skipSection(steps, view),
    leftOutLines(steps, view),
  ];
}

function inSections(sections: readonly (readonly string[])[]): string[] {
  return sections
    .filter((lines) => lines.length > 0)
    .flatMap((lines, index) => (index ? ['', ...lines] : lines));
}

function hostTable(event: Counted, { style }: View): string[] {
  const all = Object.entries(event.hosts);
  const shown = all.length <= mostHosts ? all : mostTelling(all).slice(0, mostHosts);
  const isCheck = event.mode === 'check';
  const header = ['host', 'ok', isCheck ? 'would change' : 'changed', 'failed', 'skipped'];
  const rows = shown.map(([name, counts]) => [
    sanitizeLine(name),
    ...[counts.ok, isCheck ? (counts.wouldChange ?? 0) : counts.changed, counts.failed, counts.skipped].map(
      String,
    ),
  ]);
  const [head, ...body] = alignColumns([header, ...rows], new Set([1, 2, 3, 4]));
  const more = all.length - shown.length;
  const table = shown.length === 0 ? [] : [style.strong(head!), ...body];
  return more > 0 ? [...table, `${plural(more, 'more host')}, not listed`] : table;
}

/** Hosts with a failure first, then those with steps left out, then those with changes. */
function mostTelling(hosts: [string, HostSummary][]): [string, HostSummary][] {
  const weigh = ({ failed, skipped, changed, wouldChange = 0 }: HostSummary) =>
    failed > 0 ? 3 : skipped > 0 ? 2 : changed + wouldChange > 0 ? 1 : 0;
  return hosts.filter(([, counts]) => weigh(counts) > 0).sort(([, a], [, b]) => weigh(b) - weigh(a));
}

/** One line a step, however many hosts it ran on. */
function changeSection(event: Counted, steps: readonly StepEvent[], view: View): string[] {
  const changed = steps.filter(({ status }) => status === 'changed');
  const rows = hostsBy(changed.map(({ host, step }) => [host, step])).map(([step, hosts]) => [
    sanitizeLine(step),
    hostList(inOrder(hosts, event)),
  ]);
  return section('Changed', bounded(alignColumns(rows), view), 'changed', view);
}

/** One line a problem, however many hosts have it. */
function failureSection(event: Counted, steps: readonly StepEvent[], view: View): string[] {
  const failures = steps.flatMap(({ host, step, problems = [] }) =>
    problems.map(({ code, happened, remedy }): [string, string] => {
      const story = remedy === undefined ? happened : `${happened}; ${remedy}`;
      return [host, sanitizeLine(`${step} ${view.style.dash} ${code}: ${story}`)];
    }),
  );
  const lines = hostsBy(failures).map(([story, hosts]) => `${hostList(inOrder(hosts, event))}  ${story}`);
  return section('Failed', bounded(lines, view), 'failed', view);
}

/** The hosts that share a text, in the order in which the texts come first. */
function hostsBy(pairs: readonly (readonly [host: string, text: string])[]): [string, string[]][] {
  const hosts = new Map<string, string[]>();
  for (const [host, text] of pairs) hosts.set(text, [...(hosts.get(text) ?? []), host]);
  return [...hosts];
}

function inOrder(hosts: readonly string[], event: Counted): string[] {
  const wanted = new Set(hosts);
  return Object.keys(event.hosts).filter((host) => wanted.has(host));
}

function skipSection(steps: readonly StepEvent[], view: View): string[] {
  const skipped = steps.filter(({ status, leftOut }) => status === 'skipped' && !leftOut);
  const lines = hostsBy(skipped.map(({ host, reason = 'no reason given' }) => [host, reason])).map(
    ([reason, hosts]) =>
      `${plural(hosts.length, 'step')} on ${hostList([...new Set(hosts)])}: ${sanitizeLine(reason)}`,
  );
  return section('Skipped', bounded(lines, view), 'skipped', view);
}

/** What a person has chosen to leave out is no news: a line for each reason. */
function leftOutLines(steps: readonly StepEvent[], { style }: View): string[] {
  const counts = new Map<string, number>();
  for (const { leftOut, reason = '' } of steps)
    if (leftOut) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, count]) => style.dim(`${plural(count, 'step')} ${sanitizeLine(reason)}`));
}

function section(title: string, lines: readonly string[], sign: SignName, { style }: View): string[] {
  if (lines.length === 0) return [];
  return [style.strong(title), ...lines.map((line) => `  ${paintOf(style, sign)(style.sign[sign])} ${line}`)];
}

function bounded(lines: readonly string[], { style }: View): string[] {
  if (lines.length <= mostLines) return [...lines];
  return [...lines.slice(0, mostLines - 1), `${style.ellipsis} ${lines.length - mostLines + 1} more`];
}

/** The last line of every run: how it ended, and what to do now. */
function verdict(event: SummaryEvent, steps: readonly StepEvent[], { style }: View): string {
  const time = formatDuration(event.ms);
  if (event.exit === 0 || event.exit === pendingExit) {
    return `${style.good(style.sign.ok)} ${style.strong(`${successWords(event, steps)} in ${time}`)}`;
  }
  const { happened, next } = failureWords(event, steps);
  const line = `${happened} after ${time} (exit code ${event.exit})`;
  return `${style.bad(style.sign.failed)} ${style.strong(line)}; ${next}`;
}

// A check with changes pending, where the caller asked for that to be told apart.
const pendingExit = 20;

function successWords(event: SummaryEvent, steps: readonly StepEvent[]): string {
  const counts = Object.values(event.hosts);
  const hosts = plural(counts.length, 'host');
  if (event.mode === 'check') {
    const pending = counts.reduce((sum, host) => sum + (host.wouldChange ?? 0), 0);
    return pending === 0
      ? `Nothing would change: ${hosts} checked`
      : `${plural(pending, 'change')} would be made, none was: ${hosts} checked`;
  }
  const changed = counts.reduce((sum, host) => sum + host.changed, 0);
  // A requirement that was overridden leaves nothing undone.
  const undone = steps.filter((step) => step.status === 'skipped' && !step.leftOut && !isRequirement(step));
  const left = undone.length > 0 ? `, ${plural(undone.length, 'step')} skipped` : '';
  if (changed > 0) return `Done: ${plural(changed, 'change')} on ${hosts}${left}`;
  return left ? `Nothing was changed on ${hosts}${left}` : `Nothing to change: ${hosts} as wanted`;
}

function failureWords(event: SummaryEvent, steps: readonly StepEvent[]): { happened: string; next: string } {
  const all = Object.entries(event.hosts);
  if (event.exit > 128 && event.exit < 250) {
    const open = all.filter(([, counts]) => counts.failed + counts.skipped > 0).length;
    return { happened: `Interrupted with ${plural(open, 'host')} not finished`, next: 'run again to go on' };
  }
  const failed = all.filter(([, counts]) => counts.failed > 0).map(([name]) => name);
  const unreachable = failed.filter((name) => isUnreachable(name, steps));
  const parts = [
    [failed.length - unreachable.length, 'failed'],
    [unreachable.length, 'could not be reached'],
  ] as const;
  const words = parts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  const happened =
    failed.length === 0
      ? 'The run failed'
      : `Of ${plural(all.length, 'host')} ${words.join(' and ')} (${hostList(failed)})`;
  return { happened, next: 'mend it and run again: what is done stays done' };
}

function isUnreachable(host: string, steps: readonly StepEvent[]): boolean {
  const problems = steps.filter((step) => step.host === host).flatMap((step) => step.problems ?? []);
  return problems.length > 0 && problems.every(({ code }) => errorCodes[code] === 4);
}
