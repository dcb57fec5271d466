import { Option, type Command } from 'commander';

type Shown = { readonly output: 'human' | 'lines' | 'jsonl' };

/** What is asked of the records of runs. */
export type RunsRequest = { readonly command: 'runs' } & Shown &
  (
    | { readonly ask: 'list' }
    | { readonly ask: 'show'; readonly id: string }
    | { readonly ask: 'explain'; readonly id: string; readonly host?: string; readonly step?: string }
  );

export function defineRuns(program: Command, choose: (request: RunsRequest) => void): void {
  const runs = program.command('runs').description('look at the records of earlier runs');
  const id = 'the id of a run, or its beginning';
  outputOption(
    runs.command('list', { isDefault: true }).description('all recorded runs, newest first'),
  ).action((options: Shown) => choose({ command: 'runs', ask: 'list', ...options }));
  outputOption(runs.command('show').description('what came of a run'))
    .argument('[id]', id, 'last')
    .action((run: string, options: Shown) => choose({ command: 'runs', ask: 'show', id: run, ...options }));
  outputOption(runs.command('explain').description('why a run, a host or a step came to what it came to'))
    .argument('[id]', id, 'last')
    .argument('[host]')
    .argument('[step]', 'as it is shown: file /etc/nginx/nginx.conf')
    .action((run: string, host: string | undefined, step: string | undefined, options: Shown) => {
      const about = { ...(host !== undefined && { host }), ...(step !== undefined && { step }) };
      choose({ command: 'runs', ask: 'explain', id: run, ...about, ...options });
    });
}

function outputOption(command: Command): Command {
  return command.addOption(
    new Option('--output <format>', 'human or lines: for people; jsonl: one object a line')
      .choices(['human', 'lines', 'jsonl'])
      .default('human'),
  );
}
