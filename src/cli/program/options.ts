import { InvalidArgumentError, Option, type Command } from 'commander';

/** What every command that reads an inventory is given. */
export interface InputRequest {
  readonly command: string;
  readonly playbook?: string;
  readonly inventory: string;
  readonly sshConfig?: string;
  readonly verbosity: number;
  readonly ageIdentity?: string;
  readonly output: 'human' | 'lines' | 'jsonl';
  readonly input: boolean;
}

/** What every command that reaches hosts as a run does is given. */
export interface ReachRequest extends InputRequest {
  readonly acceptNew: boolean;
  readonly forks: number;
  /** Seconds for which a host that was lost is tried. */
  readonly reconnect: number;
  /** Seconds for which a host that another run has locked is waited for. */
  readonly lockWait: number;
  readonly askBecomePass: boolean;
  readonly askPass: boolean;
  readonly record: boolean;
}

export function inputOptions(command: Command): Command {
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

export function reachOptions(command: Command): Command {
  return forksOption(inputOptions(command))
    .option(
      '--accept-new',
      'store the keys of hosts that are not yet known; changed keys stay refused',
      false,
    )
    .option('--reconnect <seconds>', 'how long to try a host that was lost; 0: not at all', wholeNumber, 300)
    .option(
      '--lock-wait <seconds>',
      'how long to wait for a host that another run has locked',
      wholeNumber,
      0,
    )
    .option('-K, --ask-become-pass', 'ask for the password that makes root (sudo, su, doas)', false)
    .option('-k, --ask-pass', 'ask for the SSH password', false)
    .option('--no-record', 'keep no record of this run');
}

export function forksOption(command: Command): Command {
  return command.option('-f, --forks <n>', 'hosts at a time', positiveInteger, 50);
}

/** The playbook that was named, as commander gives it: undefined is no key of a request. */
export function named(playbook: string | undefined): { readonly playbook?: string } {
  return playbook === undefined ? {} : { playbook };
}

export function collect(value: string, before: readonly string[]): string[] {
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
