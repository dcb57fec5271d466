import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ProvisionError } from '../core/errors.ts';

/** What a person asked for on the command line. */
export type Request =
  | ({ readonly command: 'run' } & RunRequest)
  | ({ readonly command: 'check' } & InputRequest)
  | ({ readonly command: 'trust' } & TrustRequest)
  | { readonly command: 'none' };

interface InputRequest {
  readonly playbook?: string;
  readonly inventory: string;
  readonly sshConfig?: string;
  readonly verbosity: number;
  readonly ageIdentity?: string;
  readonly output: 'human' | 'lines' | 'jsonl';
  readonly input: boolean;
}

interface TrustRequest extends InputRequest {
  readonly yes: boolean;
  readonly forks: number;
}

export interface RunRequest extends InputRequest {
  readonly check: boolean;
  readonly diff: boolean;
  readonly yes: boolean;
  readonly acceptNew: boolean;
  readonly detailedExitcode: boolean;
  readonly forks: number;
  /** Seconds for which a host that was lost is tried. */
  readonly reconnect: number;
  /** Seconds for which a host that another run has locked is waited for. */
  readonly lockWait: number;
  readonly skipRequirement: readonly string[];
  readonly askBecomePass: boolean;
  readonly askPass: boolean;
}

const examples = `
Examples:
  $ provision -i inventory.yaml               plan, show, ask, apply
  $ provision -i inventory.yaml -C -D         only show what would change, with the text of files
  $ provision -i inventory.yaml -y            apply without asking
  $ provision trust -i inventory.yaml         look at the host keys, and store them
  $ provision check -i inventory.yaml           check inventory, playbook and certificates; contacts nothing

Exit codes: 0 converged, 2 a step failed, 3 invalid input (nothing contacted), 4 a host unreachable, 5 wrong command line,
6 both 2 and 4, 7 host locked, 8 host key or key file refused, 20 changes pending (--detailed-exitcode), 130 interrupted.`;

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

  inputOptions(
    program.command('run', { isDefault: true }).description('plan, show, ask and apply (the default)'),
  )
    .option('-C, --check', 'read only: show what would change, change nothing', false)
    .option('-D, --diff', 'show the text of changed files; never of secrets', false)
    .option('-y, --yes', 'apply without asking', false)
    .option(
      '--accept-new',
      'store the keys of hosts that are not yet known; changed keys stay refused',
      false,
    )
    .option('--detailed-exitcode', 'with --check: exit with 20 when something would change', false)
    .option('-f, --forks <n>', 'hosts at a time', positiveInteger, 50)
    .option('--reconnect <seconds>', 'how long to try a host that was lost; 0: not at all', wholeNumber, 300)
    .option(
      '--lock-wait <seconds>',
      'how long to wait for a host that another run has locked',
      wholeNumber,
      0,
    )
    .option('--skip-requirement <name>', 'override one requirement that is not met; repeatable', collect, [])
    .option('-K, --ask-become-pass', 'ask for the password that makes root (sudo, su, doas)', false)
    .option('-k, --ask-pass', 'ask for the SSH password', false)
    .action((playbook: string | undefined, options: Omit<RunRequest, 'playbook'>) => {
      request = { command: 'run', ...options, ...(playbook === undefined ? {} : { playbook }) };
    });
  inputOptions(program.command('check').description('check all input without contacting anything')).action(
    (playbook: string | undefined, options: Omit<InputRequest, 'playbook'>) => {
      request = { command: 'check', ...options, ...(playbook === undefined ? {} : { playbook }) };
    },
  );
  inputOptions(
    program.command('trust').description('show the host keys of the inventory and store them after a yes'),
  )
    .option('-y, --yes', 'store without asking', false)
    .option('-f, --forks <n>', 'hosts at a time', positiveInteger, 50)
    .action((playbook: string | undefined, options: Omit<TrustRequest, 'playbook'>) => {
      request = { command: 'trust', ...options, ...(playbook === undefined ? {} : { playbook }) };
    });

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

function inputOptions(command: Command): Command {
  return command
    .argument(
      '[playbook]',
      'playbook in TypeScript; default: `playbook:` of the inventory, else the shipped Rancher playbook',
    )
    .requiredOption('-i, --inventory <file>', 'inventory in YAML')
    .option('-F, --ssh-config <file>', 'instead of ~/.ssh/config and /etc/ssh/ssh_config; none: read neither')
    .addOption(
      new Option(
        '--output <format>',
        'human: live view; lines: plain lines; jsonl: one event a line on stdout',
      )
        .choices(['human', 'lines', 'jsonl'])
        .default('human'),
    )
    .option('--age-identity <file>', 'identity that opens secrets encrypted by age')
    .option('--no-input', 'never ask, even at a terminal')
    .option('-v, --verbose', 'more; repeatable', (_: string, before: number) => before + 1, 0)
    .hook('preAction', (_, action) => {
      action.setOptionValue('verbosity', action.getOptionValue('verbose'));
    });
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function wholeNumber(value: string): number {
  // A timer takes no more than 24 days; a day is more than anybody waits for a host.
  if (!/^\d{1,5}$/.test(value))
    throw new InvalidArgumentError('It must be a whole number of seconds, 0 to 99999.');
  return Number(value);
}

function positiveInteger(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1)
    throw new InvalidArgumentError('It must be a whole number of 1 or more.');
  return number;
}
