import { parseArgs } from 'node:util';
import { workloads } from './workloads.ts';

export interface BenchOptions {
  /** Numbers of hosts. */
  readonly hosts: readonly number[];
  readonly rounds: number;
  readonly only: readonly string[];
  readonly contenders: readonly string[];
  /** Puts the results into docs/performance.md. */
  readonly write: boolean;
  /** Installs contenders that are missing. */
  readonly install: boolean;
  readonly build: boolean;
}

export const usage = `npm run bench -- [options]
  --hosts 2,10,50        numbers of hosts (default 2,10)
  --rounds 3             how often each contender runs (default 3)
  --only W3,W5           workloads: ${workloads.map(({ id }) => id).join(', ')}; W5 means all that begin so
  --contenders a,b       those whose name contains one of these words
  --install              installs Debian's packages of contenders that are missing
  --no-build             measures dist/ as it is
  --write                puts the table into docs/performance.md`;

/** @throws Error with what is wrong, for whoever typed it */
export function parseOptions(argv: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      hosts: { type: 'string', default: '2,10' },
      rounds: { type: 'string', default: '3' },
      only: { type: 'string', default: '' },
      contenders: { type: 'string', default: '' },
      write: { type: 'boolean', default: false },
      install: { type: 'boolean', default: false },
      'no-build': { type: 'boolean', default: false },
    },
  });
  const only = words(values.only);
  const unknown = only.filter((word) => !workloads.some(({ id }) => isChosen(id, [word])));
  if (unknown.length > 0) throw new Error(`no such workload: ${unknown.join(', ')}\n\n${usage}`);
  return {
    hosts: words(values.hosts).map((word) => count('--hosts', word, 200)),
    rounds: count('--rounds', values.rounds, 50),
    only,
    contenders: words(values.contenders),
    write: values.write,
    install: values.install,
    build: !values['no-build'],
  };
}

/** Whether an id is one of the words, or begins with one as with a family: `W5` of `W5-10m`. */
export function isChosen(id: string, words: readonly string[]): boolean {
  return words.length === 0 || words.some((word) => id === word || id.startsWith(`${word}-`));
}

function words(text: string): string[] {
  return text.split(',').filter((word) => word !== '');
}

function count(option: string, text: string, most: number): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > most)
    throw new Error(`${option}: ${JSON.stringify(text)} is not a number from 1 to ${most}\n\n${usage}`);
  return number;
}
