import type { StepEvent } from '../core/event.ts';
import { hostList, isRequirement } from './event-lines.ts';
import { sanitizeLine } from './sanitize.ts';
import { paintOf, type SignName } from './style.ts';
import { alignColumns } from './table.ts';
import type { View } from './view.ts';

/** The rule of a requirement, as the plan has it: `at least 4 GB of memory`. */
export type RuleOf = (host: string, step: string) => string | undefined;

const words = { ok: 'pass', warning: 'WARN', failed: 'FAIL', skipped: 'skip' } as const;

interface Row {
  readonly level: keyof typeof words;
  readonly hosts: string[];
  readonly name: string;
  readonly figure: string;
  readonly rule: string;
}

/**
 * The requirements of all hosts as a table: pass, warn or fail, with the figure and the rule. Hosts with the same figure
 * share a row.
 * @returns lines; none when no requirement was checked
 */
export function requirementTable(
  steps: readonly StepEvent[],
  view: View & { readonly ruleOf?: RuleOf | undefined },
): string[] {
  const rows = rowsOf(steps, view.ruleOf);
  if (rows.length === 0) return [];
  const { style } = view;
  const cells = rows.map((row) => [words[row.level], row.name, hostList(row.hosts, 4), row.figure, row.rule]);
  const header = ['', 'requirement', 'hosts', 'figure', 'rule'];
  const [head, ...body] = alignColumns([header, ...cells]);
  return [
    style.strong('Requirements'),
    style.dim(`    ${head}`),
    ...body.map((line, index) => `  ${paintedSign(rows[index]!.level, view)} ${line}`),
  ];
}

function rowsOf(steps: readonly StepEvent[], ruleOf: RuleOf | undefined): Row[] {
  const rows = new Map<string, Row>();
  for (const step of steps.filter(isRequirement)) {
    const level = levelOf(step);
    const name = sanitizeLine(step.step.replace(/^requirement /, ''));
    const told = ruleParts(step);
    const figure = sanitizeLine(step.figure ?? told.figure);
    const rule = sanitizeLine(told.rule || (ruleOf?.(step.host, step.step) ?? ''));
    const key = JSON.stringify([level, name, figure, rule]);
    const row = rows.get(key) ?? { level, hosts: [], name, figure, rule };
    // A host that is in several plays is asked in each of them.
    if (!row.hosts.includes(step.host)) row.hosts.push(step.host);
    rows.set(key, row);
  }
  return [...rows.values()];
}

function levelOf(step: StepEvent): Row['level'] {
  if (step.status === 'failed' || step.status === 'skipped') return step.status;
  return step.warning === undefined ? 'ok' : 'warning';
}

/** Warnings and failures tell their own rule, as `FIGURE; the rule: RULE; ADVICE`. */
function ruleParts(step: StepEvent): { figure: string; rule: string } {
  const [problem] = step.problems ?? [];
  const told = problem ? [problem.happened, problem.remedy].filter(Boolean).join('; ') : step.warning;
  const [figure = '', rule = ''] = (told ?? '').split('; the rule: ');
  return { figure, rule };
}

function paintedSign(level: Row['level'], { style }: View): string {
  const name: SignName = level;
  return paintOf(style, name)(style.sign[name]);
}
