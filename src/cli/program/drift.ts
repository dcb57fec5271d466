import type { Command } from 'commander';
import { collect, named, reachOptions, sliceOption } from './options.ts';
import type { RunRequest } from './run.ts';

/** A check that shows how texts differ, and says by its exit code whether anything does. */
export function defineDrift(program: Command, choose: (request: RunRequest) => void): void {
  sliceOption(
    reachOptions(
      program
        .command('drift')
        .description('show what is not as wanted any more; exits with 20 when something is'),
    ),
  )
    .option('--skip-requirement <name>', 'override one requirement that is not met; repeatable', collect, [])
    .action(
      (
        playbook: string | undefined,
        options: Omit<
          RunRequest,
          'command' | 'playbook' | 'check' | 'diff' | 'yes' | 'step' | 'detailedExitcode'
        >,
      ) => {
        const check = { check: true, diff: true, yes: false, step: false, detailedExitcode: true };
        choose({ command: 'run', ...check, ...options, ...named(playbook) });
      },
    );
}
