import type { ErrorCode, ProvisionError } from '../../core/errors.ts';
import { needsToBecome } from './become.ts';
import type { Printed } from './password-prompt.ts';
import { promptsIn, sinceBegin } from './password-prompt.ts';
import type { SshTarget } from '../target.ts';
import { destination, oneLine, targetError } from '../target.ts';

/** How an attempt to start a shell ended. */
export interface NoShell extends Printed {
  /** Exit status; undefined when it never ended. */
  readonly status: number | undefined;
  readonly nonce: string;
  readonly passwordSent: boolean;
}

type Story = readonly [code: ErrorCode, happened: string, remedy: string];

/** Why no shell came, from what was printed instead. */
export function explainNoShell(target: SshTarget, attempt: NoShell): ProvisionError {
  const said = readable(target, attempt);
  const begun = sinceBegin(attempt.stdout, attempt.nonce) ?? sinceBegin(attempt.stderr, attempt.nonce);
  const [code, happened, remedy] =
    begun !== undefined && needsToBecome(target)
      ? explainBecome(target, attempt, said)
      : explainLogin(target, attempt, said);
  return targetError(target, code, happened, {
    hostState: 'host untouched',
    remedy,
    ...(said !== '' && { detail: said }),
  });
}

/** Without our own markers and, should a terminal have echoed it, without the password. */
function readable({ becomePassword }: SshTarget, { stdout, stderr, nonce }: NoShell): string {
  const clean = (text: string) => {
    const own = text.replace(new RegExp(`${nonce}-(begin|ready|password|over \\d+)`, 'g'), '');
    const secret = becomePassword?.reveal();
    return (secret ? own.replaceAll(secret, '***') : own).replaceAll('\r', '').trim();
  };
  return [clean(stderr), clean(stdout)].filter(Boolean).join('\n').slice(-2000);
}

function explainLogin(target: SshTarget, { status }: NoShell, said: string): Story {
  const { user } = target;
  if (/password (has )?expired|password change required|change your password/i.test(said)) {
    return [
      'NO_SHELL',
      `the password of ${user} has expired, and the host wants a new one before anything else`,
      `log in as ${user} once and change it, or: chage -M -1 ${user}`,
    ];
  }
  const end = status === undefined ? 'no answer' : `exit status ${status}`;
  return [
    'NO_SHELL',
    `${destination(target)} can log in but gets no /bin/sh (${end})${said && `: ${oneLine(said)}`}`,
    `give ${user} a login shell (chsh -s /bin/sh ${user}) without ForceCommand, or use another user`,
  ];
}

function explainBecome(target: SshTarget, attempt: NoShell, said: string): Story {
  const { user, become } = target;
  const whose = passwordOwner(target);
  const { count, answerable } = promptsIn(target, attempt, attempt.nonce);
  if (/must have a tty|tty is required|must be run from a terminal/i.test(said)) {
    return [
      'BECOME_FAILED',
      `${become} wants a terminal, and there was no way to give it one`,
      `install "script" on the host (package bsdutils or util-linux)${become === 'sudo' ? `, or add "Defaults:${user} !requiretty" with visudo` : ''}`,
    ];
  }
  if (/(password|account).*expired|change your password|password change required/i.test(said)) {
    return [
      'BECOME_FAILED',
      `${become} says that the password of ${whose} has expired`,
      `change it on the host`,
    ];
  }
  if (isDenied(said) || (become === 'su' && !attempt.passwordSent && /authentication failure/i.test(said)))
    return ['BECOME_DENIED', denied(target), allowing(target)];
  if (attempt.passwordSent && (count > 1 || attempt.status !== undefined)) {
    return [
      'BECOME_BAD_PASSWORD',
      `${become} did not take the password of ${whose}${orOfRoot(target)}`,
      'check the become password; it was tried once only',
    ];
  }
  if (answerable || /password is required|authentication (is )?required|askpass/i.test(said)) {
    return [
      'BECOME_PASSWORD_REQUIRED',
      `${become} asks for the password of ${whose}${orOfRoot(target)} and none was given`,
      `run with -K to be asked for it, or set become_password${become === 'su' ? '' : `; or allow it without: ${freely(target)}`}`,
    ];
  }
  if (attempt.status === 127 || /not found|no such file|unknown command/i.test(said)) {
    return [
      'BECOME_FAILED',
      `there is no ${missing(said) ?? become} on the host`,
      'install it there, set become_method, or log in as root',
    ];
  }
  const end = attempt.status === undefined ? 'did not answer' : `ended with status ${attempt.status}`;
  return [
    'BECOME_FAILED',
    `${become} ${end}${said && `: ${oneLine(said)}`}`,
    `${become} must work for ${user} on the host with a password alone`,
  ];
}

const isDenied = (said: string) =>
  /not in the sudoers|may not run sudo|not allowed|I'm sorry|cannot run sudo|operation not permitted|permission denied/i.test(
    said,
  );

const missing = (said: string) =>
  /\bscript: .*not found|script: no such/i.test(said) ? 'script' : undefined;

const passwordOwner = ({ become, user }: SshTarget) => (become === 'su' ? 'root' : user);

/** sudo does not say whose password it wants. */
const orOfRoot = ({ become }: SshTarget) => (become === 'sudo' ? ' (of root, with targetpw or rootpw)' : '');

const denied = ({ become, user }: SshTarget) =>
  become === 'su'
    ? `su does not let ${user} become root`
    : `${become} does not let ${user} run /bin/sh as root`;

function allowing({ become, user }: SshTarget): string {
  if (become === 'doas') return `allow it in /etc/doas.conf on the host: "permit ${user} as root"`;
  if (become === 'su') return 'look at /etc/pam.d/su on the host, or use another become_method';
  return `allow it with visudo on the host: "${user} ALL=(ALL) ALL"`;
}

const freely = ({ become, user }: SshTarget) =>
  become === 'doas'
    ? `"permit nopass ${user} as root" in /etc/doas.conf`
    : `"${user} ALL=(ALL) NOPASSWD: ALL" with visudo`;
