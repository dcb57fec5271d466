import type { Command } from 'commander';
import type { Slice } from '../../core/slice-plan.ts';
import { collect, named, reachOptions, sliceOption, type ReachRequest } from './options.ts';

export interface PlanRequest extends ReachRequest {
  readonly command: 'plan';
  readonly diff: boolean;
  readonly detailedExitcode: boolean;
  readonly skipRequirement: readonly string[];
  /** Path of the file to write. */
  readonly out?: string;
  readonly slice?: Slice;
}

export function definePlan(program: Command, choose: (request: PlanRequest) => void): void {
  const command = program
    .command('plan')
    .description('show what would change, and keep it as a plan to apply');
  sliceOption(reachOptions(command))
    .option('-o, --out <file>', 'write the plan to this file')
    .option('-D, --diff', 'show the text of changed files; never of secrets', false)
    .option('--detailed-exitcode', 'exit with 20 when something would change', false)
    .option('--skip-requirement <name>', 'override one requirement that is not met; repeatable', collect, [])
    .action((playbook: string | undefined, options: Omit<PlanRequest, 'command' | 'playbook'>) => {
      choose({ command: 'plan', ...options, ...named(playbook) });
    });
}
