import { randomBytes } from 'node:crypto';
import type { Client, ClientChannel } from 'ssh2';
import { ProvisionError } from '../../core/errors.ts';
import type { StartWay } from './become.ts';
import { needsToBecome, startCommand, wantsTerminal } from './become.ts';
import type { NoShell } from './explain-no-shell.ts';
import { explainNoShell } from './explain-no-shell.ts';
import type { Link } from '../link.ts';
import type { Printed } from './password-prompt.ts';
import { promptsIn, sinceBegin } from './password-prompt.ts';
import type { SshTarget } from '../target.ts';
import { oneLine, targetError } from '../target.ts';

const startTimeoutMs = 30_000;

/**
 * Starts `/bin/sh` with the rights that steps have, and hands its channel over in the same turn in which it is ready: a
 * channel may be closed before any promise gets its turn.
 * @throws ProvisionError `BECOME_…`, `NO_SHELL` or `CONN_LOST`
 */
export async function startShell<T>(link: Link, attach: (channel: ClientChannel) => Promise<T>): Promise<T> {
  const { target } = link;
  const nonce = () => randomBytes(16).toString('hex');
  let way: StartWay = { nonce: nonce(), terminal: wantsTerminal(target), byName: false };
  for (;;) {
    const outcome = await attemptStart(link, way, attach);
    if ('shell' in outcome) return outcome.shell;
    // A channel closes with its line: nobody has refused anything then.
    if (link.lifeline.ended) throw link.lifeline.lost('start a shell', 'nothing was started');
    const other = otherWay(target, way, outcome.noShell);
    if (!other) throw explainNoShell(target, outcome.noShell);
    link.debug(`no shell: ${oneLine(outcome.noShell.stderr)}; trying ${other.note}`);
    way = { ...way, ...other.way, nonce: nonce() };
  }
}

/** Another way that may work where this one was refused. Never one that could cost a second try of a password. */
function otherWay(
  target: SshTarget,
  way: StartWay,
  { stdout, stderr, nonce, passwordSent }: NoShell,
): { readonly way: Partial<StartWay>; readonly note: string } | undefined {
  if (passwordSent) return undefined;
  const begun = sinceBegin(stderr, nonce) ?? sinceBegin(stdout, nonce);
  if (begun === undefined && !way.byName && /restricted/i.test(stderr))
    return { way: { byName: true }, note: 'sh by its name' };
  const refused = /must have a tty|tty is required|must be run from a terminal/i.test(begun ?? '');
  if (refused && !way.terminal && needsToBecome(target))
    return { way: { terminal: true }, note: `${target.become} with a terminal` };
  return undefined;
}

type ClientCallback = Parameters<Client['exec']>[1];

/** Exit status of the command that starts the shell; none while it runs. */
interface Ended {
  status?: number | undefined;
}

type Outcome<T> = { readonly shell: T } | { readonly noShell: NoShell };

async function attemptStart<T>(
  link: Link,
  way: StartWay,
  attach: (channel: ClientChannel) => Promise<T>,
): Promise<Outcome<T>> {
  const command = startCommand(link.target, way);
  const ended: Ended = {};
  const exec = (done: ClientCallback) =>
    void link.client.exec(command, (error, channel) => {
      // The end of a short-lived command comes in the same turn as its channel.
      if (!error) channel.on('exit', (code: number | null) => void (ended.status = code ?? undefined));
      done(error, channel);
    });
  const channel = await link.channels.session<ClientChannel>(exec, 'open a shell').catch((error: unknown) => {
    throw error instanceof ProvisionError ? error : noSession(link, error);
  });
  // A write to a channel that has just been closed must not become an uncaught exception.
  channel.on('error', () => undefined);
  channel.stderr.on('error', () => undefined);
  try {
    const outcome = await link.lifeline.guard(
      waitForShell(link.target, channel, way, ended, attach),
      'start a shell',
    );
    if ('noShell' in outcome) channel.close();
    return outcome;
  } catch (error) {
    channel.close();
    throw link.lifeline.ended ? link.lifeline.lost('start a shell', 'nothing was started') : error;
  }
}

function noSession(link: Link, cause: unknown): ProvisionError {
  const reason = oneLine(cause instanceof Error ? cause.message : String(cause));
  return targetError(link.target, 'NO_SHELL', `the host opens no session: ${reason}`, {
    hostState: 'nothing was started',
    remedy: 'raise MaxSessions in sshd_config on the host, or end what holds its sessions',
    cause,
  });
}

/** Gives the password to the one prompt that counts (see `promptsIn`), once, and never after the shell has begun. */
function waitForShell<T>(
  target: SshTarget,
  channel: ClientChannel,
  { nonce }: StartWay,
  ended: Ended,
  attach: (channel: ClientChannel) => Promise<T>,
): Promise<Outcome<T>> {
  return new Promise((resolve) => {
    let printed: Printed = { stdout: '', stderr: '' };
    let passwordSent = false;
    const settle = (outcome: () => void) => {
      clearTimeout(timer);
      channel.off('data', onStdout).off('close', fail);
      channel.stderr.off('data', onStderr);
      outcome();
    };
    const fail = () =>
      settle(() => resolve({ noShell: { ...printed, status: ended.status, nonce, passwordSent } }));
    const timer = setTimeout(fail, startTimeoutMs);
    const look = () => {
      const over = new RegExp(`${nonce}-over (\\d+)`).exec(printed.stderr);
      if (over) ended.status = Number(over[1]);
      const { count, answerable } = promptsIn(target, printed, nonce);
      const refused = passwordSent ? count > 1 : answerable && !target.becomePassword;
      if (over || refused) return void fail();
      if (!answerable || passwordSent || !target.becomePassword) return;
      passwordSent = true;
      channel.write(`${target.becomePassword.reveal()}\n`);
    };
    const onStdout = (chunk: Buffer) => {
      printed = { ...printed, stdout: lastOf(printed.stdout, chunk) };
      if (printed.stdout.includes(`${nonce}-ready\n`))
        settle(() => void attach(channel).then((shell) => resolve({ shell }), fail));
      else look();
    };
    const onStderr = (chunk: Buffer) => {
      printed = { ...printed, stderr: lastOf(printed.stderr, chunk) };
      look();
    };
    channel.on('data', onStdout).on('close', fail);
    channel.stderr.on('data', onStderr);
  });
}

/** Text that may hold a marker near its end, of bounded length whatever the start files of a login shell print. */
function lastOf(text: string, chunk: Buffer): string {
  return (text + chunk.toString('utf8')).slice(-16 * 1024);
}
