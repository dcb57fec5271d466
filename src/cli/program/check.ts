import type { Command } from 'commander';
import type { StepSelection } from '../../core/select-steps.ts';
import { inputOptions, named, stepOptions, type InputRequest } from './options.ts';

export interface CheckRequest extends InputRequest, StepSelection {
  readonly command: 'check';
}

export function defineCheck(program: Command, choose: (request: CheckRequest) => void): void {
  const command = program.command('check').description('check all input without contacting anything');
  stepOptions(inputOptions(command)).action(
    (playbook: string | undefined, options: Omit<CheckRequest, 'command' | 'playbook'>) => {
      choose({ command: 'check', ...options, ...named(playbook) });
    },
  );
}
