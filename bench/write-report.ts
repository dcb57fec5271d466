import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import type { Contender } from './contender.ts';
import { goalsTable } from './goals.ts';
import type { Results } from './run-rounds.ts';
import { headingOf, tableOf } from './table.ts';

/** What is written by hand begins here, and stays. */
const byHand = '## Where the time goes';
const file = fileURLToPath(new URL('../docs/performance.md', import.meta.url));

/** Puts the results into docs/performance.md: what was measured, on what, and which goals were reached. */
export async function writeReport(
  results: readonly Results[],
  { contenders, rounds }: { readonly contenders: readonly Contender[]; readonly rounds: number },
): Promise<void> {
  const memory = Math.round(totalmem() / 1024 ** 3);
  const kernel = release().split('.').slice(0, 2).join('.');
  const processor = `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'})`;
  const machine = `${processor}, ${memory} GB of memory, ${type()} ${kernel}, Node ${process.versions.node}`;
  const took = new Set(results.flatMap(({ samples }) => samples.map(({ contender }) => contender)));
  const list = contenders
    .filter(({ name }) => took.has(name))
    .map((each) => `- **${each.name}**: ${each.about}${each.version ? ` (${each.version()})` : ''}`);
  const text = `# Performance

Written by \`npm run bench -- --write\` on ${new Date().toISOString().slice(0, 10)}: ${machine}; ${rounds} rounds at most.

The hosts are real \`sshd\` on loopback, each with a host key and folders of its own, on the same cores as the programs that are measured. The contenders run one
after the other, round by round, in another order each round; what each has left on the hosts is looked at from outside after every run. Other work may have
run on the machine: compare numbers of one table only, and rather the ratios, which are the median over rounds.

${list.join('\n')}

## Goals

${goalsTable(results)}

${results.map((each) => `## ${headingOf(each)}\n\n${tableOf(each)}`).join('\n\n')}

${keptText()}`;
  writeFileSync(file, await format(text, { parser: 'markdown', printWidth: 160 }));
}

function keptText(): string {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const start = text.indexOf(`\n${byHand}`);
  return start < 0 ? '' : text.slice(start + 1);
}
