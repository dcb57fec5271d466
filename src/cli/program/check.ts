import type { Command } from 'commander';
import type { StepSelection } from '../../core/select-steps.ts';
import type { Slice } from '../../core/slice-plan.ts';
import { inputOptions, named, sliceOption, stepOptions, type InputRequest } from './options.ts';

export interface CheckRequest extends InputRequest, StepSelection {
  readonly command: 'check';
  readonly slice?: Slice;
}

export function defineCheck(program: Command, choose: (request: CheckRequest) => void): void {
  const command = program.command('check').description('check all input without contacting anything');
  sliceOption(stepOptions(inputOptions(command))).action(
    (playbook: string | undefined, options: Omit<CheckRequest, 'command' | 'playbook'>) => {
      choose({ command: 'check', ...options, ...named(playbook) });
    },
  );
}
