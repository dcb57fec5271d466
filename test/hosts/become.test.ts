import { sh } from 'provision';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { opsPassword, rootPassword } from './support/host-image.ts';
import { startOddHost, type LogIn, type OddHost } from './support/odd-host.ts';

let odd: OddHost;
beforeAll(async () => void (odd = await startOddHost()));
afterAll(() => odd.stop());

const quick = { timeoutMs: 30_000, doing: 'test' };
/** Who runs it, that it has no terminal by any way, and that nothing strange came with it. */
const probe = sh`id -un; pwd; umask; (: </dev/tty) 2>/dev/null && echo terminal; for fd in 0 1 2; do [ -t $fd ] && echo terminal; done; true`;
const asRoot = { code: 0, stdout: 'root\n/\n0077\n', stderr: '' };

const passwordOf = (user: string) => (/^su-|-target$/.test(user) ? rootPassword : opsPassword);
const userOf = (user: string) => (/^su-|-target$/.test(user) ? 'root' : user);

/** How many tries of a password the host has counted against a user since its last start. */
async function failures(user: string): Promise<number> {
  const log = await odd.host.run('journalctl --sync; journalctl -o cat');
  const failure = new RegExp(`authentication failure;.* ruser=${user} .* user=${userOf(user)}$`);
  return log.split('\n').filter((line) => failure.test(line)).length;
}

describe('with the right password, real programs make root', () => {
  it.each([
    ['sudo-free'],
    ['sudo-lecture'],
    ['sudo-zero'],
    ['sudo-tty', 'trying sudo with a terminal'],
    ['sudo-tty-free', 'trying sudo with a terminal'],
    ['sudo-pty'],
    ['sudo-target'],
    ['sudo-tries'],
    ['su-user'],
    ['su-free'],
    ['doas-user'],
    ['doas-free'],
  ])('F50: %s', async (user, note = '') => {
    const { connection, problem, notes } = await odd.logIn(user, { become_password: passwordOf(user) });
    expect(problem).toBeUndefined();
    expect(await connection?.execute(probe, quick)).toEqual(asRoot);
    // A second shell, as one that ends a hung script needs it, takes the password again.
    const hung = connection?.execute(sh`sleep 1000`, { timeoutMs: 300, doing: 'sleep' });
    await expect(hung).rejects.toMatchObject({ code: 'STEP_TIMEOUT' });
    expect(await odd.host.run('pgrep -fx "sleep 1000" || true')).toBe('');
    expect(await connection?.execute(probe, quick)).toEqual(asRoot);
    expect(notes.join()).toContain(note);
    expect(await failures(user)).toBe(0);
  });
});

describe('without a password, it is asked for or refused, and never guessed', () => {
  it.each([
    ['sudo-lecture', 'BECOME_PASSWORD_REQUIRED', /sudo asks for the password of sudo-lecture/],
    ['sudo-zero', 'BECOME_PASSWORD_REQUIRED', /none was given/],
    ['sudo-tty', 'BECOME_PASSWORD_REQUIRED', /none was given/],
    ['sudo-pty', 'BECOME_PASSWORD_REQUIRED', /none was given/],
    ['sudo-some', 'BECOME_PASSWORD_REQUIRED', /none was given/],
    ['su-user', 'BECOME_PASSWORD_REQUIRED', /su asks for the password of root/],
    ['su-denied', 'BECOME_DENIED', /su does not let su-denied become root/],
    ['doas-user', 'BECOME_PASSWORD_REQUIRED', /doas asks for the password of doas-user/],
    ['doas-none', 'BECOME_DENIED', /doas does not let doas-none/],
    ['expired', 'NO_SHELL', /the password of expired has expired/],
  ])('F50: %s', async (user, code, happened) => {
    const { problem } = await odd.logIn(user);
    expect(problem).toMatchObject({ code, hostState: 'host untouched' });
    expect(problem?.happened).toMatch(happened);
    expect(await failures(user)).toBe(0);
  });

  it.each(['sudo-free', 'sudo-tty-free', 'su-free', 'doas-free'])('F50: %s is root without', async (user) => {
    const { connection } = await odd.logIn(user);
    expect(await connection?.execute(probe, quick)).toEqual(asRoot);
  });
});

describe('a wrong password is tried once', () => {
  const canary = 'cnry_wrong_password';
  const users = [
    ['sudo-lecture', 'BECOME_BAD_PASSWORD'],
    ['sudo-zero', 'BECOME_BAD_PASSWORD'],
    ['sudo-tty', 'BECOME_BAD_PASSWORD'],
    ['sudo-pty', 'BECOME_BAD_PASSWORD'],
    ['sudo-target', 'BECOME_BAD_PASSWORD'],
    ['sudo-some', 'BECOME_BAD_PASSWORD'],
    ['sudo-tries', 'BECOME_BAD_PASSWORD'],
    ['su-user', 'BECOME_BAD_PASSWORD'],
    ['doas-user', 'BECOME_BAD_PASSWORD'],
  ] as const;
  // Each of them is kept waiting for seconds by the host.
  const outcomes = new Map<string, LogIn>();
  beforeAll(async () => {
    const logIn = async ([user]: readonly [string, string]) =>
      void outcomes.set(user, await odd.logIn(user, { become_password: canary }));
    await Promise.all(users.map(logIn));
  });

  it.each(users)('F50: %s', async (user, code) => {
    const problem = outcomes.get(user)?.problem;
    expect(problem).toMatchObject({ code, hostState: 'host untouched' });
    expect(problem?.remedy).toContain('tried once only');
    expect(JSON.stringify(problem)).not.toContain(canary);
    expect(await failures(user)).toBe(1);
  });
});

it.each([
  ['sudo-some', /sudo does not let sudo-some run \/bin\/sh as root/],
  ['sudo-none', /sudo does not let sudo-none run \/bin\/sh as root/],
])('F50: the right password of somebody who may not: %s', async (user, happened) => {
  const { problem } = await odd.logIn(user, { become_password: opsPassword });
  expect(problem).toMatchObject({ code: 'BECOME_DENIED', hostState: 'host untouched' });
  expect(problem?.happened).toMatch(happened);
});

describe('start files, banner and MOTD that look like a prompt get nothing', () => {
  it.each(['bash', 'fish', 'tcsh', 'zsh'])('S32: %s', async (shell) => {
    const user = `noisy-${shell}`;
    // sudo does not ask this user: a password that is sent all the same would be the first line that the shell reads.
    const bySudo = await odd.logIn(user, { become_password: 'cnry_never_sent' });
    expect(await bySudo.connection?.execute(probe, quick)).toEqual(asRoot);
    const bySu = await odd.logIn(user, { become: 'su', become_password: rootPassword });
    expect(await bySu.connection?.execute(probe, quick)).toEqual(asRoot);
    expect(await failures(user)).toBe(0);
  });
});
