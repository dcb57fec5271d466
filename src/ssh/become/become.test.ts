import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { problemsOf } from '../../core/errors.ts';
import { sh } from '../../core/script.ts';
import { Secret } from '../../core/secret.ts';
import { connect } from '../connect.ts';
import { loopback, makeFolder, removeFolders, trusting } from '../testing/loopback.ts';
import type { SshServer } from '../testing/ssh-server.ts';
import { destroy, startSshServer } from '../testing/ssh-server.ts';

afterEach(removeFolders);

type Method = 'sudo' | 'su' | 'doas';
const canary = 'cnry_become';

/**
 * Logs in on a host whose sudo, su or doas is this shell script; it is given the real arguments. `run` starts what the real
 * one would start, `got` is where it may write what it read, `prompt` is what -p asks sudo to print.
 */
async function becomeThrough(
  program: string,
  { method = 'sudo', password = canary, script = sh`echo alive; cat`, stdin = '' }: Partial<Attempt> = {},
) {
  const folder = makeFolder();
  const got = join(folder, 'got');
  const run = {
    sudo: 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
    su: 'exec "$2" "$3" "$4"',
    doas: 'if [ "$1" = -n ]; then shift; fi; exec "$@"',
  }[method];
  const text = `#!/bin/sh\ngot=${got}\nrun() { ${run}; }\nfor prompt; do case $prompt in *-password) break ;; esac; done\n${program}\n`;
  writeFileSync(join(folder, method), text);
  chmodSync(join(folder, method), 0o755);
  const server = await startSshServer({ env: { PATH: `${folder}:/usr/bin:/bin` } });
  const secret = password === null ? {} : { becomePassword: new Secret(password, 'become password') };
  const notes: string[] = [];
  const sent = () => (existsSync(got) ? readFileSync(got, 'utf8') : '');
  try {
    const target = loopback(server.port, { become: method, ...secret });
    const options = trusting([[server.port, server.hostKey]], { onDebug: (note) => notes.push(note) });
    const connection = await connect(target, options);
    const answer = await connection.execute(script, { timeoutMs: 5000, doing: 'test', stdin });
    await connection.close();
    return { answer: answer.stdout, stderr: answer.stderr, sent: sent(), log: server.log, notes };
  } catch (error) {
    return { problem: problemsOf(error)[0], sent: sent(), log: server.log, notes };
  } finally {
    await server.close();
  }
}

interface Attempt {
  readonly method: Method;
  readonly password: string | null;
  readonly script: ReturnType<typeof sh>;
  readonly stdin: string;
}

const readPassword = 'IFS= read -r line; echo "$line" >>"$got"';
const readFromTerminal = 'IFS= read -r line </dev/tty; echo "$line" >>"$got"';
const giveUpSoon = '(sleep 0.5; kill $$ 2>/dev/null) &';

describe('the password answers the one prompt that is ours', () => {
  test.each<[string, Method, string]>([
    ['sudo', 'sudo', `printf %s "$prompt" >&2; ${readPassword}`],
    ['sudo-rs', 'sudo', `printf "[sudo: %s] Password: " "$prompt" >&2; ${readPassword}`],
    [
      'sudo with its lecture',
      'sudo',
      `echo "We trust you have received the usual lecture" >&2; printf %s "$prompt" >&2; ${readPassword}`,
    ],
    [
      'in pieces',
      'sudo',
      `printf %.20s "$prompt" >&2; sleep 0.2; printf %s "\${prompt#????????????????????}" >&2; ${readPassword}`,
    ],
    ['su of util-linux', 'su', `printf "Password: " >&2; ${readPassword}`],
    ['su of busybox', 'su', `printf "Password: "; ${readPassword}`],
    ['su in pieces', 'su', `printf Pass >&2; sleep 0.2; printf "word: " >&2; ${readPassword}`],
    [
      'su that wants a terminal',
      'su',
      `[ -t 0 ] || { echo "su: must be run from a terminal" >&2; exit 1; }; stty -echo; printf "Password: "; ${readPassword}; echo`,
    ],
    ['doas', 'doas', `printf "\\rdoas (me@host) password: " >/dev/tty; ${readFromTerminal}; echo >/dev/tty`],
    [
      'doas with echo left on',
      'doas',
      `printf "\\rdoas (me@host) password: " >/dev/tty; ${readFromTerminal}`,
    ],
    [
      'sudo with requiretty',
      'sudo',
      `( : </dev/tty ) 2>/dev/null || { echo "sudo: sorry, you must have a tty to run sudo" >&2; exit 1; }; printf %s "$prompt" >/dev/tty; ${readFromTerminal}`,
    ],
  ])('F50: %s', async (_name, method, ask) => {
    const { answer, stderr, sent, problem } = await becomeThrough(`${ask}; run "$@"`, { method });
    expect({ answer, stderr, sent, problem }).toEqual({ answer: 'alive\n', stderr: '', sent: `${canary}\n` });
  });

  test.each<Method>(['sudo', 'su', 'doas'])('F50: a %s that does not ask is not told', async (method) => {
    for (const password of [canary, null]) {
      const { answer, sent } = await becomeThrough('run "$@"', { method, password });
      expect({ answer, sent }).toEqual({ answer: 'alive\n', sent: '' });
    }
  });

  test('F50: that a terminal was needed is noted', async () => {
    const { notes } = await becomeThrough(
      '( : </dev/tty ) 2>/dev/null || { echo "sudo: sorry, you must have a tty to run sudo" >&2; exit 1; }; run "$@"',
    );
    expect(notes.join()).toContain('trying sudo with a terminal');
  });

  test.each<[Method, string]>([
    ['doas', `printf "doas (me@host) password: " >/dev/tty; ${readFromTerminal}`],
    [
      'su',
      `[ -t 0 ] || { echo "su: must be run from a terminal" >&2; exit 1; }; printf "Password: "; ${readPassword}`,
    ],
  ])(
    'F50: behind a terminal, every byte, long lines and both streams are as without one: %s',
    async (method, ask) => {
      // What a terminal would act upon: interrupt, end of file, carriage return, flow control; and a line that is too long.
      const stdin = `${Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1)).join('')}\n${'x'.repeat(9000)}\n`;
      const script = sh`cat; cat /dev/tty; for fd in 0 1 2; do [ -t $fd ] && echo terminal; done; printf 'a\r\n\003\004' >&2`;
      const { answer, stderr } = await becomeThrough(`${ask}; run "$@"`, { method, script, stdin });
      expect(answer).toBe(stdin);
      expect(stderr).toMatch(/^[^\n]*\/dev\/tty: [^\n]*\na\r\n\x03\x04$/);
    },
  );
});

describe('a look-alike gets no password', () => {
  test.each<[string, Method, string]>([
    ['of sudo, on stderr', 'sudo', 'echo "[sudo] password for deploy: " >&2'],
    ['of sudo, on stdout', 'sudo', 'printf %s "$prompt"'],
    ['of sudo-rs for another', 'sudo', 'printf "[sudo: root] Password: " >&2'],
    ['of an earlier run', 'sudo', 'echo 0123456789abcdef0123456789abcdef-password >&2'],
    ['of a second factor', 'su', 'printf "Verification code: " >&2'],
    ['for a new password', 'su', 'printf "New password: " >&2'],
    ['for the current password, which has expired', 'su', 'printf "Current password: " >&2'],
    ['inside a sentence', 'su', 'printf "Never give away your Password: " >&2'],
    ['behind other words', 'su', 'printf "Welcome\\nPassword: " >&2'],
    ['of doas, that is not alone', 'doas', 'printf "Hello\\ndoas (me@host) password: " >/dev/tty'],
  ])('S32: %s', async (_name, method, ask) => {
    const { problem, sent } = await becomeThrough(`${ask}; ${giveUpSoon} ${readPassword}`, { method });
    expect(problem?.code).toBe('BECOME_FAILED');
    expect(sent).not.toContain(canary);
  });

  test.each<[string, Method, string]>([
    ['sudo', 'sudo', 'printf %s "$prompt" >&2'],
    ['su', 'su', 'printf "Password: " >&2'],
    ['doas', 'doas', 'printf "doas (me@host) password: " >/dev/tty'],
  ])('S32: our prompt twice, the password once: %s', async (_name, method, ask) => {
    const read = method === 'doas' ? readFromTerminal : readPassword;
    const { problem, sent } = await becomeThrough(
      `${ask}; ${read}; echo "Sorry, try again." >&2; ${ask}; ${giveUpSoon} ${read}`,
      { method },
    );
    expect(problem).toMatchObject({ code: 'BECOME_BAD_PASSWORD', hostState: 'host untouched' });
    expect(problem?.happened).toContain(`${method} did not take the password of`);
    expect(sent.split(canary)).toHaveLength(2);
  });

  test.each<[string, Method, string]>([
    ['sudo', 'sudo', 'printf %s "$prompt" >&2'],
    ['su', 'su', 'printf "Password: " >&2'],
  ])('S32: a prompt after the shell has begun gets nothing: %s', async (_name, method, ask) => {
    const { answer, sent } = await becomeThrough(`(sleep 0.1; ${ask}) & tee "$got" | (run "$@")`, {
      method,
      script: sh`sleep 0.4; echo alive`,
    });
    expect(answer).toBe('alive\n');
    expect(sent).not.toContain(canary);
  });

  test.each<[string, Method, string]>([
    ['su', 'su', 'printf "Password: " >&2; sleep 0.3; run "$@"'],
    ['doas', 'doas', 'printf "doas (me@host) password: " >/dev/tty; sleep 0.3; run "$@"'],
  ])(
    'S32: what was typed for %s, which never read it, is not read by the shell',
    async (_name, method, program) => {
      const script = sh`cat; echo alive`;
      const { answer, stderr } = await becomeThrough(program, { method, script });
      expect({ answer, stderr }).toEqual({ answer: 'alive\n', stderr: '' });
    },
  );
});

describe('every refusal has its story', () => {
  const tty = 'sudo: sorry, you must have a tty to run sudo';
  test.each<[string, number, string, RegExp, Method, string | null]>([
    [
      'sudo: a password is required',
      1,
      'BECOME_PASSWORD_REQUIRED',
      /asks for the password of deploy/,
      'sudo',
      null,
    ],
    [
      'sudo: interactive authentication is required',
      1,
      'BECOME_PASSWORD_REQUIRED',
      /none was given/,
      'sudo',
      null,
    ],
    [
      'doas: Authentication required',
      1,
      'BECOME_PASSWORD_REQUIRED',
      /asks for the password of deploy/,
      'doas',
      null,
    ],
    ['deploy is not in the sudoers file.', 1, 'BECOME_DENIED', /does not let deploy/, 'sudo', canary],
    [
      "Sorry, user deploy is not allowed to execute 'sh' as root",
      1,
      'BECOME_DENIED',
      /does not let/,
      'sudo',
      canary,
    ],
    ['doas: Operation not permitted', 1, 'BECOME_DENIED', /doas does not let deploy/, 'doas', canary],
    ['su: Authentication failure', 1, 'BECOME_DENIED', /su does not let deploy become root/, 'su', canary],
    ['su: Permission denied', 1, 'BECOME_DENIED', /su does not let deploy become root/, 'su', canary],
    [tty, 1, 'BECOME_FAILED', /sudo wants a terminal/, 'sudo', canary],
    [
      'sudo: Account or password is expired',
      1,
      'BECOME_FAILED',
      /password of deploy has expired/,
      'sudo',
      canary,
    ],
    ['sudo: not found', 127, 'BECOME_FAILED', /no sudo on the host/, 'sudo', canary],
    ['doas: not found', 127, 'BECOME_FAILED', /no doas on the host/, 'doas', null],
    [
      'sudo: unable to open /etc/sudoers: odd',
      1,
      'BECOME_FAILED',
      /ended with status 1: .*odd/,
      'sudo',
      canary,
    ],
  ])('F50: %s', async (message, status, code, happened, method, password) => {
    const { problem } = await becomeThrough(`echo "${message}" >&2; exit ${status}`, { method, password });
    expect(problem).toMatchObject({ code, host: 'web-1', hostState: 'host untouched' });
    expect(problem?.happened).toMatch(happened);
    expect(problem?.remedy).not.toBe('');
  });

  test('F50: su asks and no password is given', async () => {
    const { problem } = await becomeThrough(`printf "Password: " >&2; ${readPassword}`, {
      method: 'su',
      password: null,
    });
    expect(problem).toMatchObject({ code: 'BECOME_PASSWORD_REQUIRED' });
    expect(problem?.happened).toContain('su asks for the password of root');
  });
});

test.each<[Method, string]>([
  ['sudo', `printf %s "$prompt" >&2; ${readPassword}`],
  ['su', `printf "Password: " >&2; ${readPassword}`],
  ['doas', `printf "doas (me@host) password: " >/dev/tty; ${readFromTerminal}`],
])('S32: neither the command line nor an error of %s holds the password', async (method, ask) => {
  const { problem, log } = await becomeThrough(`${ask}; echo "$line" >&2; echo "$line"; exit 1`, { method });
  expect(problem?.code).toBe('BECOME_BAD_PASSWORD');
  expect(JSON.stringify(problem)).not.toContain(canary);
  expect(log.join()).not.toContain(canary);
});

test('a password with a line break is refused before anything is contacted', async () => {
  const { problem, log } = await becomeThrough('run "$@"', { password: 'one\nreboot' });
  expect(problem).toMatchObject({ code: 'BECOME_FAILED', hostState: 'nothing was contacted' });
  expect(log).toEqual([]);
});

test('whoever logs in as root needs no sudo', async () => {
  const server = await startSshServer();
  const target = loopback(server.port, { user: 'root', become: 'sudo' });
  const connection = await connect(target, trusting([[server.port, server.hostKey]]));
  await connection.close();
  await server.close();
  expect(server.log.join()).not.toContain('sudo');
});

test.each([
  ['before the password is sent', ({ log }: SshServer) => log.some((entry) => entry.startsWith('exec'))],
  [
    'after the password is sent',
    (_server: SshServer, got: string) => existsSync(got) && readFileSync(got, 'utf8') !== '',
  ],
])('F13: the line is lost %s', async (_name, isDue) => {
  const folder = makeFolder();
  const got = join(folder, 'got');
  writeFileSync(join(folder, 'sudo'), `#!/bin/sh\nprintf %s "$3" >&2\ncat >>${got}\n`, { mode: 0o755 });
  const server = await startSshServer({ env: { PATH: `${folder}:/usr/bin:/bin` } });
  const watch = setInterval(() => {
    if (isDue(server, got)) server.connections.forEach(destroy);
  }, 1);
  const target = loopback(server.port, {
    become: 'sudo',
    becomePassword: new Secret(canary, 'become password'),
  });
  const problem = await connect(target, trusting([[server.port, server.hostKey]])).then(
    () => undefined,
    (error: unknown) => problemsOf(error)[0],
  );
  clearInterval(watch);
  await server.close();
  expect(problem?.code).toBe('CONN_LOST');
  expect(JSON.stringify(problem)).not.toContain(canary);
  const sent = existsSync(got) ? readFileSync(got, 'utf8') : '';
  expect(sent.split(canary).length).toBeLessThanOrEqual(2);
});
