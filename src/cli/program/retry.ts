import type { Command } from 'commander';
import { commonOptions, contactOptions, refuseSlice } from './options.ts';
import { applyOptions, type RunRequest } from './run.ts';

/** The options of a run, without what its record says: which input, which hosts and which steps. */
type RetryOptions = Omit<
  RunRequest,
  | 'command'
  | 'inventory'
  | 'playbook'
  | 'limit'
  | 'exclude'
  | 'only'
  | 'skip'
  | 'startAt'
  | 'tags'
  | 'skipTags'
  | 'slice'
>;

export interface RetryRequest {
  readonly command: 'retry';
  /** Which run; default: the last one that applied something. */
  readonly id?: string;
  readonly defaults: RetryOptions;
  /** What the person has said here, which counts before what was said then. */
  readonly given: Partial<RetryOptions>;
}

export function defineRetry(program: Command, choose: (request: RetryRequest) => void): void {
  const command = program
    .command('retry')
    .description('run again where the last run failed or was left unfinished')
    .argument(
      '[id]',
      'the id of a run, its beginning, or last; default: the last one that applied something',
    );
  refuseSlice(applyOptions(contactOptions(commonOptions(command))), {
    happened: 'a retry is for the hosts that one recorded run has left undone, and they are not parted again',
    remedy: 'retry the run of that slice, or do the slice again: provision --slice 2/3',
  }).action((id: string | undefined, defaults: RetryOptions) => {
    const given = Object.fromEntries(
      Object.entries(defaults).filter(([name]) => wasGiven(command, name === 'verbosity' ? 'verbose' : name)),
    ) as Partial<RetryOptions>;
    choose({ command: 'retry', ...(id !== undefined && { id }), defaults, given });
  });
}

function wasGiven(command: Command, name: string): boolean {
  return command.getOptionValueSource(name) === 'cli';
}
