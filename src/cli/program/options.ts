import { InvalidArgumentError, Option, type Command } from 'commander';
import { reservedTags } from '../../core/block.ts';
import type { StepSelection } from '../../core/select-steps.ts';
import { parseSlice, type Slice } from '../../core/slice-plan.ts';
import { ProvisionError } from '../../core/errors.ts';
import type { HostSelection } from '../select-hosts.ts';

/** What every command that reads an inventory is given. */
export interface InputRequest extends Required<HostSelection> {
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
export interface ReachRequest extends InputRequest, StepSelection {
  readonly acceptNew: boolean;
  readonly forks: number;
  /** Processes that share the hosts; 1 is this one alone. */
  readonly workers: number;
  /** Seconds for which a host that was lost is tried. */
  readonly reconnect: number;
  /** Seconds for which a host that another run has locked is waited for. */
  readonly lockWait: number;
  readonly askBecomePass: boolean;
  readonly askPass: boolean;
  readonly record: boolean;
}

export function inputOptions(command: Command): Command {
  return commonOptions(
    command
      .argument(
        '[playbook]',
        'playbook in TypeScript; default: `playbook:` of the inventory, else the shipped Rancher playbook',
      )
      .requiredOption('-i, --inventory <file>', 'inventory in YAML')
      .option(
        '-l, --limit <pattern>',
        'only these hosts: lb:!lb-2, web*, @FILE, @failed; repeatable',
        pattern,
        [],
      )
      .option('--exclude <pattern>', 'not these hosts; repeatable', pattern, []),
  );
}

/** What a command is given, wherever its inventory comes from. */
export function commonOptions(command: Command): Command {
  return command
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

/** The choice of steps, for every command that has a plan of them. */
export function stepOptions(command: Command): Command {
  return command
    .option(
      '--only <pattern>',
      'only these steps: a tag, or an id such as "file /etc/*"; repeatable',
      pattern,
      [],
    )
    .option('--skip <pattern>', 'not these steps; repeatable', pattern, [])
    .option(
      '--start-at <pattern>',
      'nothing before the first of these steps',
      (value) => pattern(value, [])[0],
    )
    .option('-t, --tags <names>', 'as --only, by tags alone: tls,nginx', tagNames, [])
    .option('--skip-tags <names>', 'as --skip, by tags alone', tagNames, []);
}

export function reachOptions(command: Command): Command {
  return contactOptions(stepOptions(inputOptions(command)));
}

/** How hosts are reached. */
export function contactOptions(command: Command): Command {
  return forksOption(command)
    .option('--workers <n>', 'processes that share the hosts; 1: this one alone', workerCount, 1)
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

/** For commands of which one run may be shared among several machines, or done part by part. */
export function sliceOption(command: Command): Command {
  return command.option('--slice <i/n>', 'only the i-th of n parts of the hosts', slice);
}

/** For commands whose hosts are given otherwise, so that whoever tries it is told how. */
export function refuseSlice(command: Command, why: { happened: string; remedy: string }): Command {
  return command.addOption(
    new Option('--slice <i/n>').hideHelp().argParser(() => {
      throw new ProvisionError({ code: 'USAGE', ...why });
    }),
  );
}

function slice(value: string): Slice {
  const found = parseSlice(value);
  if (!found) throw new InvalidArgumentError('It must be such as 1/3, 2/3 or 3/3.');
  return found;
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

/** An empty variable of a script must not turn into all hosts or all steps. */
function pattern(value: string, before: readonly string[]): string[] {
  if (value.trim() === '') throw new InvalidArgumentError('It is empty.');
  return collect(value, before);
}

function tagNames(value: string, before: readonly string[]): string[] {
  const names = value.split(',').map((name) => name.trim());
  const reserved = names.find((name) => reservedTags.includes(name));
  if (reserved !== undefined)
    throw new InvalidArgumentError(`"${reserved}" is a tag of Ansible that has no meaning here.`);
  return names.reduce<string[]>((all, name) => pattern(name, all), [...before]);
}

function wholeNumber(value: string): number {
  // A timer takes no more than 24 days; a day is more than anybody waits for a host.
  if (!/^\d{1,5}$/.test(value))
    throw new InvalidArgumentError('It must be a whole number of seconds, 0 to 99999.');
  return Number(value);
}

function workerCount(value: string): number {
  const number = positiveInteger(value);
  // Each takes some 80 MB, and more of them than processors gain nothing.
  if (number > 64) throw new InvalidArgumentError('It must be 64 or less.');
  return number;
}

function positiveInteger(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1)
    throw new InvalidArgumentError('It must be a whole number of 1 or more.');
  return number;
}
