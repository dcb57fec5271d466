import type { Command } from 'commander';
import { ProvisionError } from '../../core/errors.ts';
import { named, reachOptions, refuseSlice, type ReachRequest } from './options.ts';

export interface ApplyRequest extends ReachRequest {
  readonly command: 'apply';
  /** Path of the plan. */
  readonly plan: string;
  readonly diff: boolean;
}

export function defineApply(program: Command, choose: (request: ApplyRequest) => void): void {
  const command = program
    .command('apply')
    .description('apply a plan: exactly what it shows, and only where nothing has moved since')
    .argument('<plan>', 'file that provision plan has written');
  refuseSlice(reachOptions(command), {
    happened: 'a plan is applied as a whole: which slice it is for was chosen when it was made',
    remedy: 'make a plan of each slice with: provision plan --slice 2/3 -o FILE',
  })
    .option('-D, --diff', 'show the text of changed files; never of secrets', false)
    .action(
      (
        plan: string,
        playbook: string | undefined,
        options: Omit<ApplyRequest, 'command' | 'plan' | 'playbook'>,
      ) => {
        refuseChoices(options);
        choose({ command: 'apply', plan, ...options, ...named(playbook) });
      },
    );
}

/** @throws ProvisionError `USAGE` */
function refuseChoices(options: Omit<ApplyRequest, 'command' | 'plan' | 'playbook'>): void {
  const { limit, exclude, only = [], skip = [], startAt, tags = [], skipTags = [] } = options;
  const chosen = [limit, exclude, only, skip, tags, skipTags].some((patterns) => patterns.length > 0);
  if (!chosen && startAt === undefined) return;
  throw new ProvisionError({
    code: 'USAGE',
    happened: 'a plan is applied as a whole: which hosts and steps it is for was chosen when it was made',
    remedy: 'give these options to provision plan',
  });
}
