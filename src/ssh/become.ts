import type { ProvisionError } from '../core/errors.ts';
import type { SshTarget } from './target.ts';
import { destination, oneLine, targetError } from './target.ts';

/**
 * The command line that starts the shell. It holds nothing but our own hexadecimal nonce, so there is nothing in it
 * that a login shell of any kind (fish, tcsh) could read differently, and nothing that `ps` may not show.
 *
 * `ready` is printed by the program behind sudo: before it sudo may ask for the password, after it never.
 */
export function startCommand(target: SshTarget, nonce: string): string {
  const shell = `env LC_ALL=C /bin/sh -c 'echo ${nonce}-ready; exec /bin/sh -s'`;
  if (!needsSudo(target)) return `exec ${shell}`;
  const sudo = target.becomePassword ? `sudo -S -p ${nonce}-password` : 'sudo -n';
  return `exec env LC_ALL=C ${sudo} -- ${shell}`;
}

/** Whoever logs in as root is root already. */
export function needsSudo(target: SshTarget): boolean {
  return target.become === 'sudo' && target.user !== 'root';
}

/** How often our own prompt stands in what came on stderr. sudo-rs puts it in brackets: `[sudo: PROMPT] Password:`. */
export function promptCount(stderr: string, nonce: string): number {
  return stderr.split(`${nonce}-password`).length - 1;
}

/** Why no shell came, from what was printed instead and the exit status (undefined when it never ended). */
export function explainNoShell(
  target: SshTarget,
  printed: { readonly stdout: string; readonly stderr: string },
  status: number | undefined,
  nonce: string,
): ProvisionError {
  const stderr = printed.stderr.replaceAll(`${nonce}-password`, '').trim();
  const said = [stderr, printed.stdout.trim()].filter(Boolean).join('\n').slice(-2000);
  const detail = said === '' ? {} : { detail: said };
  if (needsSudo(target) && !/nologin|not available/i.test(printed.stdout)) {
    const [happened, remedy] = explainSudo(target, stderr, promptCount(printed.stderr, nonce), status);
    return targetError(target, 'SUDO', happened, { hostState: 'host untouched', remedy, ...detail });
  }
  const end = status === undefined ? 'no answer' : `exit status ${status}`;
  const happened = `${destination(target)} can log in but gets no /bin/sh (${end})${said && `: ${oneLine(said)}`}`;
  return targetError(target, 'NO_SHELL', happened, {
    hostState: 'host untouched',
    remedy: `give ${target.user} a login shell (chsh -s /bin/sh ${target.user}) without ForceCommand, or use another user`,
    ...detail,
  });
}

function explainSudo(
  target: SshTarget,
  stderr: string,
  prompts: number,
  status: number | undefined,
): [string, string] {
  const { user } = target;
  if (/must have a tty/i.test(stderr)) {
    return [
      'sudo wants a terminal (requiretty)',
      `add "Defaults:${user} !requiretty" with visudo on the host`,
    ];
  }
  if (/not in the sudoers|may not run sudo|not allowed|I'm sorry|cannot run sudo/i.test(stderr)) {
    return [
      `sudo does not let ${user} run /bin/sh as root`,
      `allow it with visudo on the host: "${user} ALL=(ALL) ALL"`,
    ];
  }
  if (prompts > 1 || /incorrect (password|authentication)|try again/i.test(stderr)) {
    return [`sudo did not take the password of ${user}`, 'check the become password; it was tried once only'];
  }
  if (/password is required|authentication is required|askpass/i.test(stderr)) {
    return [
      `sudo asks ${user} for a password and none was given`,
      `run with -K to be asked for it, or allow it without: "${user} ALL=(ALL) NOPASSWD: ALL" with visudo`,
    ];
  }
  if (status === 127 || /not found|no such file|unknown command/i.test(stderr)) {
    return ['there is no sudo on the host', 'install sudo there, or log in as root'];
  }
  const end = status === undefined ? 'did not answer' : `ended with status ${status}`;
  return [
    `sudo ${end}${stderr && `: ${oneLine(stderr)}`}`,
    `"sudo -v" must work for ${user} on the host with a password alone`,
  ];
}
