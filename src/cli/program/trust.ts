import type { Command } from 'commander';
import { forksOption, inputOptions, named, type InputRequest } from './options.ts';

export interface TrustRequest extends InputRequest {
  readonly command: 'trust';
  readonly yes: boolean;
  readonly forks: number;
}

export function defineTrust(program: Command, choose: (request: TrustRequest) => void): void {
  const command = program
    .command('trust')
    .description('show the host keys of the inventory and store them after a yes');
  forksOption(inputOptions(command))
    .option('-y, --yes', 'store without asking', false)
    .action((playbook: string | undefined, options: Omit<TrustRequest, 'command' | 'playbook'>) => {
      choose({ command: 'trust', ...options, ...named(playbook) });
    });
}
