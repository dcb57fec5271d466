import type { Effect, EffectType } from '../core/effect.ts';
import type { StepEvent } from '../core/event.ts';
import { formatLocation } from '../core/source.ts';
import { hostList, isRequirement, located, plural } from './event-lines.ts';
import { problemBlock, shortLocations } from './problem-block.ts';
import { requirementTable, type RuleOf } from './requirement-table.ts';
import { sanitizeLine } from './sanitize.ts';
import { paintOf } from './style.ts';
import type { View } from './view.ts';

/**
 * What a check found, as a person reads it before saying yes: the requirements, then play by play what would change on which
 * host. Hosts on which the same would change share a block.
 * @param steps the step events of the check, clean
 * @example
 * planView(steps, view).join('\n');
 */
export function planView(
  steps: readonly StepEvent[],
  view: View & { readonly ruleOf?: RuleOf | undefined },
): string[] {
  const sections = [requirementTable(steps, view)];
  const rest = steps.filter((step) => !isRequirement(step));
  for (const play of new Set(rest.map((step) => step.play))) {
    sections.push(
      playSection(
        play,
        rest.filter((step) => step.play === play),
        view,
      ),
    );
  }
  return sections
    .filter((lines) => lines.length > 0)
    .flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]));
}

function playSection(play: string, steps: readonly StepEvent[], view: View): string[] {
  const byHost = groupBy(steps, (step) => step.host);
  const alike = groupBy([...byHost], ([, own]) => JSON.stringify(own.filter(isWorthShowing).map(essence)));
  const { style } = view;
  return [
    style.strong(`Play ${sanitizeLine(play)}`),
    ...[...alike.values()].flatMap((hosts) => {
      const [, own] = hosts[0]!;
      const names = hostList(hosts.map(([name]) => name));
      return [
        `  ${style.strong(names)}: ${countsOf(own)}`,
        ...own.filter(isWorthShowing).flatMap((step) => stepBlock(step, view)),
      ];
    }),
  ];
}

function isWorthShowing(step: StepEvent): boolean {
  return step.status === 'would-change' || step.status === 'changed' || step.status === 'failed';
}

function essence({ step, status, changes, effects, problems }: StepEvent): unknown[] {
  return [step, status, changes, effects, problems?.map(({ code, happened }) => [code, happened])];
}

function countsOf(steps: readonly StepEvent[]): string {
  const count = (...statuses: StepEvent['status'][]) =>
    steps.filter(({ status }) => statuses.includes(status)).length;
  const parts = [
    [count('would-change', 'changed'), 'would change'],
    [count('failed'), 'failed'],
    [steps.filter(isOpen).length, 'known after apply, or skipped'],
    [steps.filter(({ leftOut }) => leftOut).length, 'left out'],
    [count('ok'), 'as wanted'],
  ] as const;
  return parts
    .filter(([number]) => number > 0)
    .map(([number, word]) => `${number} ${word}`)
    .join(', ');
}

function isOpen({ status, leftOut }: StepEvent): boolean {
  return status === 'skipped' && !leftOut;
}

function stepBlock(step: StepEvent, view: View): string[] {
  const { style } = view;
  const sign = paintOf(style, step.status)(style.sign[step.status]);
  const [place] = shortLocations(step.at, view.folder);
  const where = place ? `  ${style.dim(sanitizeLine(formatLocation(place)))}` : '';
  return [
    `    ${sign} ${sanitizeLine(step.step)}${where}`,
    ...view.renderChanges(step.changes ?? []).map((line) => `        ${line}`),
    ...(step.effects ?? []).map((effect) => `        ${effectLine(effect, view)}`),
    ...(step.problems ?? [])
      .flatMap((problem) => problemBlock(located(problem, step), view))
      .map((line) => `        ${line}`),
  ];
}

function effectLine({ type, what }: Effect, { style }: View): string {
  return `${style.warning(style.sign.warning)} ${verbs[type]} ${sanitizeLine(what)}`;
}

const verbs: Readonly<Record<EffectType, string>> = {
  download: 'downloads',
  install: 'installs',
  start: 'starts',
  stop: 'stops',
  restart: 'restarts',
  reload: 'reloads',
  replace: 'replaces',
  run: 'runs',
};

/** What would change in all, in one line: `14 changes on 2 of 3 hosts`. */
export function planTotal(steps: readonly StepEvent[]): string {
  const pending = steps.filter((step) => step.status === 'would-change');
  const hosts = new Set(steps.map((step) => step.host)).size;
  if (pending.length === 0) return `nothing would change on ${plural(hosts, 'host')}`;
  const touched = new Set(pending.map((step) => step.host)).size;
  return `${plural(pending.length, 'change')} on ${touched} of ${plural(hosts, 'host')}`;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
