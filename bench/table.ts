import type { Results, Sample } from './run-rounds.ts';

/** Whom the others are compared with: what is given to a contender is its time by this one's, round by round. */
export const reference = 'provision';

/** One row of the table. */
export interface Row {
  readonly contender: string;
  readonly cells: readonly string[];
}

export const columns = [
  'contender',
  'wall s (min / median / max)',
  'x provision',
  'controller CPU s',
  'hosts CPU s',
  'peak PSS / RSS MB',
  'processes',
];

/** The rows of one workload, the quickest first. */
export function rowsOf({ samples }: Results): Row[] {
  const names = [...new Set(samples.map(({ contender }) => contender))];
  const of = (name: string) => samples.filter(({ contender }) => contender === name);
  const wall = (name: string) => median(of(name).map(({ wallMs }) => wallMs));
  return names
    .sort((one, other) => wall(one) - wall(other))
    .map((name) => {
      const own = of(name);
      const ratios = ratiosOf(samples, name, reference);
      const middle = (pick: (sample: Sample) => number) => median(own.map(pick));
      return {
        contender: name,
        cells: [
          spread(own.map(({ wallMs }) => wallMs / 1000)),
          name === reference || ratios.length === 0 ? '1' : figure(median(ratios)),
          figure(middle(({ cpuMs }) => cpuMs) / 1000),
          figure(middle(({ hostsCpuMs }) => hostsCpuMs) / 1000),
          ...watched(middle),
        ],
      };
    });
}

/** Memory and processes are looked at now and then: of what has ended before, nothing is known. */
function watched(middle: (pick: (sample: Sample) => number) => number): [string, string] {
  const processes = middle((sample) => sample.processes);
  if (processes === 0) return ['-', '-'];
  const [pss, rss] = [middle(({ peakPssMb }) => peakPssMb), middle(({ peakRssMb }) => peakRssMb)];
  return [`${Math.round(pss)} / ${Math.round(rss)}`, String(processes)];
}

/** How many times the time of another contender one took, in each round in which both ran. */
export function ratiosOf(
  samples: readonly Sample[],
  one: string,
  other: string,
  pick = (sample: Sample) => sample.wallMs,
): number[] {
  return samples
    .filter(({ contender }) => contender === one)
    .flatMap((sample) => {
      const beside = samples.find(({ contender, round }) => contender === other && round === sample.round);
      return beside ? [pick(sample) / pick(beside)] : [];
    });
}

export function headingOf({ workload, hosts }: Results): string {
  return `${workload.id}: ${workload.title}${workload.hosts === 'all' ? `, ${hosts} hosts` : ''}`;
}

/** For Markdown, and readable without. */
export function tableOf(results: Results): string {
  const rows = rowsOf(results).map(({ contender, cells }) => [contender, ...cells]);
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...rows.map((row) => row[index]!.length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, index) => (index === 0 ? cell.padEnd(widths[index]!) : cell.padStart(widths[index]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width, index) => (index === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(columns), rule, ...rows.map(line)].join('\n');
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function spread(values: readonly number[]): string {
  return [Math.min(...values), median(values), Math.max(...values)].map(figure).join(' / ');
}

export function figure(value: number): string {
  if (Number.isNaN(value)) return '?';
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
