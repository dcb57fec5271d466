import { Option, type Command } from 'commander';

export interface ReportRequest {
  readonly command: 'report';
  /** Paths of the outputs of slices, folders of their records, or ids of runs that are recorded here. */
  readonly files: readonly string[];
  /** Path of the file to write. */
  readonly out?: string;
  readonly output: 'human' | 'jsonl';
  readonly diff: boolean;
  readonly detailedExitcode: boolean;
}

export function defineReport(program: Command, choose: (request: ReportRequest) => void): void {
  program
    .command('report')
    .description('work with what runs have told')
    .command('merge')
    .description('make one report of the slices of a run; exits as the run in one piece would have')
    .argument('<files...>', 'what each slice wrote with --output jsonl; or its record: the id or the folder')
    .option('-o, --out <file>', 'write the events of the whole run to this file')
    .addOption(
      new Option('--output <format>', 'human: the summary; jsonl: one event a line')
        .choices(['human', 'jsonl'])
        .default('human'),
    )
    .option('-D, --diff', 'show the text of changed files; never of secrets', false)
    .option('--detailed-exitcode', 'exit with 20 when something would change', false)
    .action((files: string[], options: Omit<ReportRequest, 'command' | 'files'>) => {
      choose({ command: 'report', files, ...options });
    });
}
