import { Command, CommanderError } from 'commander';
import { ProvisionError } from '../core/errors.ts';
import { defineApply, type ApplyRequest } from './program/apply.ts';
import { defineCheck, type CheckRequest } from './program/check.ts';
import { defineDrift } from './program/drift.ts';
import { definePlan, type PlanRequest } from './program/plan.ts';
import { defineRetry, type RetryRequest } from './program/retry.ts';
import { defineReport, type ReportRequest } from './program/report.ts';
import { defineRun, type RunRequest } from './program/run.ts';
import { defineRuns, type RunsRequest } from './program/runs.ts';
import { defineTrust, type TrustRequest } from './program/trust.ts';

/** What a person asked for on the command line. */
export type Request =
  | RunRequest
  | PlanRequest
  | ApplyRequest
  | CheckRequest
  | TrustRequest
  | RunsRequest
  | RetryRequest
  | ReportRequest
  | { readonly command: 'none' };

const definitions = [
  defineRun,
  definePlan,
  defineApply,
  defineDrift,
  defineCheck,
  defineTrust,
  defineRuns,
  defineRetry,
  defineReport,
];

const examples = `
Examples:
  $ provision -i inventory.yaml               plan, show, ask, apply
  $ provision -i inventory.yaml -C -D         only show what would change, with the text of files
  $ provision -i inventory.yaml -y            apply without asking
  $ provision plan -i inventory.yaml -o plan.json    keep what would change as a plan
  $ provision apply plan.json -i inventory.yaml      apply it, where nothing has moved since
  $ provision trust -i inventory.yaml         look at the host keys, and store them
  $ provision check -i inventory.yaml           check inventory, playbook and certificates; contacts nothing

Exit codes: 0 converged, 2 a step failed, 3 invalid input (nothing contacted), 4 a host unreachable, 5 wrong command line,
6 both 2 and 4, 7 host locked, 8 host key or key file refused, 9 a plan does not hold any more, 20 changes pending
(--detailed-exitcode, drift), 130 interrupted.`;

/**
 * Reads the command line. Help and version are printed here and yield `none`.
 * @throws ProvisionError `USAGE` for anything it does not know: a mistyped flag must never become a real run
 */
export function parseCommandLine(argv: readonly string[], version: string): Request {
  let request: Request = { command: 'none' };
  const program = new Command('provision')
    .description('Agentless provisioning over SSH, with playbooks in TypeScript.')
    .version(version)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .addHelpText('after', examples)
    .enablePositionalOptions();

  for (const define of definitions) define(program, (chosen) => (request = chosen));
  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0 || error.code === 'commander.help') return { command: 'none' };
    throw new ProvisionError({
      code: 'USAGE',
      happened: error.message
        .replace(/^error: /, '')
        .replace(/\n\(?/, ' (')
        .trim(),
      remedy: 'provision --help shows what there is',
    });
  }
  return request;
}
