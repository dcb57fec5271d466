import type { Command } from 'commander';
import { inputOptions, named, type InputRequest } from './options.ts';

export interface CheckRequest extends InputRequest {
  readonly command: 'check';
}

export function defineCheck(program: Command, choose: (request: CheckRequest) => void): void {
  inputOptions(program.command('check').description('check all input without contacting anything')).action(
    (playbook: string | undefined, options: Omit<CheckRequest, 'command' | 'playbook'>) => {
      choose({ command: 'check', ...options, ...named(playbook) });
    },
  );
}
