import { errorCodes } from '../core/errors.ts';
import type { HostSummary, RunEvent, StepEvent } from '../core/event.ts';
import { formatDuration } from './duration.ts';
import { hostList, plural } from './event-lines.ts';
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
  const sections = [
    hostTable(event, view),
    stepSection('Changed', 'changed', steps, view),
    failureSection(steps, view),
    skipSection(steps, view),
    [verdict(event, steps, view)],
    event.exit === 0 ? event.notes.flatMap((note) => sanitize(note).split('\n')) : [],
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .flatMap((lines, index) => (index ? ['', ...lines] : lines));
}

function hostTable(event: SummaryEvent, { style }: View): string[] {
  const all = Object.entries(event.hosts);
  const shown =
    all.length <= mostHosts ? all : all.filter(([, counts]) => !isQuiet(counts)).slice(0, mostHosts);
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

function isQuiet(counts: HostSummary): boolean {
  return counts.changed + counts.failed + counts.skipped + (counts.wouldChange ?? 0) === 0;
}

/** One line a step, however many hosts it ran on. */
function stepSection(title: string, status: 'changed', steps: readonly StepEvent[], view: View): string[] {
  const hostsOf = new Map<string, string[]>();
  for (const { step, host } of steps.filter((one) => one.status === status)) {
    hostsOf.set(step, [...(hostsOf.get(step) ?? []), host]);
  }
  const rows = [...hostsOf].map(([step, hosts]) => [sanitizeLine(step), hostList(hosts)]);
  return section(title, bounded(alignColumns(rows), view), status, view);
}

function failureSection(steps: readonly StepEvent[], view: View): string[] {
  const lines = steps.flatMap((step) =>
    (step.problems ?? []).map(({ code, happened, remedy }) => {
      const story = remedy === undefined ? happened : `${happened}; ${remedy}`;
      return sanitizeLine(`${step.host}  ${step.step} ${view.style.dash} ${code}: ${story}`);
    }),
  );
  return section('Failed', bounded(lines, view), 'failed', view);
}

function skipSection(steps: readonly StepEvent[], view: View): string[] {
  const reasons = new Map<string, Map<string, number>>();
  for (const { status, host, reason = 'no reason given' } of steps) {
    if (status !== 'skipped') continue;
    const hosts = reasons.get(reason) ?? new Map<string, number>();
    reasons.set(reason, hosts.set(host, (hosts.get(host) ?? 0) + 1));
  }
  const lines = [...reasons].map(([reason, hosts]) => {
    const count = [...hosts.values()].reduce((sum, number) => sum + number, 0);
    return `${plural(count, 'step')} on ${hostList([...hosts.keys()])}: ${sanitizeLine(reason)}`;
  });
  return section('Skipped', bounded(lines, view), 'skipped', view);
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
function verdict(event: SummaryEvent, steps: readonly StepEvent[], view: View): string {
  const { style } = view;
  const time = formatDuration(event.ms);
  if (event.exit !== 0 && event.exit !== pendingExit) {
    const line = `${failureWords(event, steps)} after ${time} (exit code ${event.exit})`;
    return `${style.bad(style.sign.failed)} ${style.strong(line)}`;
  }
  return `${style.good(style.sign.ok)} ${style.strong(`${successWords(event)} in ${time}`)}`;
}

// A check with changes pending, where the caller asked for that to be told apart.
const pendingExit = 20;

function successWords(event: SummaryEvent): string {
  const counts = Object.values(event.hosts);
  const hosts = plural(counts.length, 'host');
  if (event.mode === 'check') {
    const pending = counts.reduce((sum, host) => sum + (host.wouldChange ?? 0), 0);
    return pending === 0
      ? `Nothing would change: ${hosts} checked`
      : `${plural(pending, 'change')} would be made, none was: ${hosts} checked`;
  }
  const changed = counts.reduce((sum, host) => sum + host.changed, 0);
  return changed === 0
    ? `Nothing to change: ${hosts} as wanted`
    : `Done: ${plural(changed, 'change')} on ${hosts}`;
}

function failureWords(event: SummaryEvent, steps: readonly StepEvent[]): string {
  const all = Object.entries(event.hosts);
  const failed = all.filter(([, counts]) => counts.failed > 0).map(([name]) => name);
  const unreachable = failed.filter((name) => isUnreachable(name, steps));
  if (event.exit > 128)
    return `Interrupted: ${plural(pendingHosts(event), 'host')} not finished; run again to go on`;
  if (failed.length === 0) return 'The run failed';
  const parts = [
    [failed.length - unreachable.length, 'failed'],
    [unreachable.length, 'could not be reached'],
  ] as const;
  const words = parts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return `Of ${plural(all.length, 'host')} ${words.join(' and ')}: ${hostList(failed)}; run again when it is mended`;
}

function isUnreachable(host: string, steps: readonly StepEvent[]): boolean {
  const problems = steps.filter((step) => step.host === host).flatMap((step) => step.problems ?? []);
  return problems.length > 0 && problems.every(({ code }) => errorCodes[code] === 4);
}

function pendingHosts(event: SummaryEvent): number {
  return Object.values(event.hosts).filter((counts) => counts.failed + counts.skipped > 0).length;
}
