import { Option, type Command } from 'commander';
import type { Slice } from '../../core/slice-plan.ts';
import { collect, named, reachOptions, sliceOption, type ReachRequest } from './options.ts';

export interface RunRequest extends ReachRequest {
  readonly command: 'run';
  readonly check: boolean;
  readonly diff: boolean;
  readonly yes: boolean;
  /** Ask before each change. */
  readonly step: boolean;
  readonly detailedExitcode: boolean;
  readonly skipRequirement: readonly string[];
  readonly slice?: Slice;
}

export function defineRun(program: Command, choose: (request: RunRequest) => void): void {
  const command = program
    .command('run', { isDefault: true })
    .description('plan, show, ask and apply (the default)');
  applyOptions(sliceOption(reachOptions(command))).action(
    (playbook: string | undefined, options: Omit<RunRequest, 'command' | 'playbook'>) => {
      choose({ command: 'run', ...options, ...named(playbook) });
    },
  );
}

/** How a plan is shown and applied. */
export function applyOptions(command: Command): Command {
  return command
    .option('-C, --check', 'read only: show what would change, change nothing', false)
    .option('-D, --diff', 'show the text of changed files; never of secrets', false)
    .option('-y, --yes', 'apply without asking', false)
    .addOption(
      new Option('--step', 'ask before each change, one host at a time')
        .default(false)
        .conflicts(['check', 'yes', 'workers', 'workers']),
    )
    .option('--detailed-exitcode', 'with --check: exit with 20 when something would change', false)
    .option('--skip-requirement <name>', 'override one requirement that is not met; repeatable', collect, []);
}
