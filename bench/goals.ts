import type { Results, Sample } from './run-rounds.ts';
import { figure, median, reference } from './table.ts';

/** How much of the time of others provision may take, by the median over rounds. */
interface Goal {
  readonly workload: string;
  readonly hosts: number;
  /** Compared with the quickest of these in each round. */
  readonly against: readonly string[];
  readonly most: number;
}

const [batch, stepwise] = ['ssh2 (one script)', 'ssh2 (step by step)'];
const copiers = ['scp', 'sftp', 'rsync'];

const goals: readonly Goal[] = [
  { workload: 'start', hosts: 1, against: ['node'], most: 2.2 },
  { workload: 'W1', hosts: 2, against: [batch], most: 1.25 },
  { workload: 'W1', hosts: 10, against: [batch], most: 1.15 },
  { workload: 'W1', hosts: 50, against: [batch], most: 1.1 },
  { workload: 'W2', hosts: 10, against: [stepwise], most: 1.15 },
  { workload: 'W3', hosts: 10, against: [stepwise], most: 1 },
  { workload: 'W3', hosts: 10, against: ['ansible (mitogen)'], most: 0.06 },
  { workload: 'W3', hosts: 10, against: ['ansible (pipelining)'], most: 0.03 },
  { workload: 'W3-far', hosts: 2, against: [stepwise], most: 1 },
  { workload: 'W4', hosts: 10, against: [batch], most: 1.15 },
  { workload: 'W5-10m', hosts: 1, against: copiers, most: 0.75 },
  { workload: 'W5-100m', hosts: 1, against: copiers, most: 1 },
  { workload: 'W5-200f', hosts: 1, against: ['rsync'], most: 1.3 },
  { workload: 'W5-200f-far', hosts: 1, against: ['rsync'], most: 1 },
];

/** A Markdown table of the goals that these results tell something about. */
export function goalsTable(results: readonly Results[]): string {
  const rows = goals.flatMap(({ workload, hosts, against, most }) => {
    const found = results.find((each) => each.workload.id === workload && each.hosts === hosts);
    const ratios = found ? ratiosTo(found.samples, against) : [];
    if (ratios.length === 0) return [];
    const ratio = median(ratios);
    const what = `${workload}, ${hosts} ${hosts === 1 ? 'host' : 'hosts'}, x ${against.join(' / ')}`;
    return [`| ${what} | ${figure(most)} | ${figure(ratio)} | ${ratio <= most ? 'reached' : 'missed'} |`];
  });
  return ['| time of provision | at most | measured | |', '| --- | --: | --: | --- |', ...rows].join('\n');
}

function ratiosTo(samples: readonly Sample[], against: readonly string[]): number[] {
  return samples
    .filter(({ contender }) => contender === reference)
    .flatMap(({ wallMs, round }) => {
      const others = samples.filter((each) => each.round === round && against.includes(each.contender));
      return others.length === 0 ? [] : [wallMs / Math.min(...others.map((each) => each.wallMs))];
    });
}
