import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { problemsOf } from '../core/errors.ts';
import { sh } from '../core/script.ts';
import { Secret } from '../core/secret.ts';
import { connect } from './connect.ts';
import { loopback, makeFolder, removeFolders, trusting } from './testing/loopback.ts';
import { startSshServer } from './testing/ssh-server.ts';

afterEach(removeFolders);

/**
 * Logs in on a host whose sudo is this shell script; it is given the real arguments of sudo. `run` starts what stands
 * behind `--`, `got` is where it may write what it read.
 */
async function becomeThrough(
  sudo: string,
  password: string | null = 'cnry_sudo',
  script = sh`echo alive; cat`,
) {
  const folder = makeFolder();
  const got = join(folder, 'got');
  const path = join(folder, 'sudo');
  const run = 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"';
  writeFileSync(path, `#!/bin/sh\ngot=${got}\nrun() { ${run}; }\nprompt=$3\n${sudo}\n`);
  chmodSync(path, 0o755);
  const server = await startSshServer({ env: { PATH: `${folder}:/usr/bin:/bin` } });
  const secret = password === null ? {} : { becomePassword: new Secret(password, 'become password') };
  try {
    const target = loopback(server.port, { become: 'sudo', ...secret });
    const connection = await connect(target, trusting([[server.port, server.hostKey]]));
    const answer = await connection.execute(script, { timeoutMs: 2000, doing: 'test' });
    await connection.close();
    return { answer: answer.stdout, sent: read(got), log: server.log };
  } catch (error) {
    return { problem: problemsOf(error)[0], sent: read(got), log: server.log };
  } finally {
    await server.close();
  }
}

const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');
const readPassword = 'IFS= read -r line; echo "$line" >>"$got"';

test.each([
  ['sudo', 'printf %s "$prompt" >&2'],
  ['sudo-rs', 'printf "[sudo: %s] Password: " "$prompt" >&2'],
  [
    'sudo with its lecture',
    'echo "We trust you have received the usual lecture" >&2; printf %s "$prompt" >&2',
  ],
  [
    'a prompt that comes in pieces',
    'printf %.20s "$prompt" >&2; sleep 0.2; printf %s "${prompt#????????????????????}" >&2',
  ],
])('the password answers our own prompt: %s', async (_name, ask) => {
  expect(await becomeThrough(`${ask}; ${readPassword}; run "$@"`)).toMatchObject({
    answer: 'alive\n',
    sent: 'cnry_sudo\n',
  });
});

test('a sudo that does not ask is not told', async () => {
  const { answer, sent } = await becomeThrough('run "$@"');
  expect({ answer, sent }).toEqual({ answer: 'alive\n', sent: '' });
});

test.each([
  ['on stderr', 'echo "[sudo] password for deploy: " >&2'],
  ['on stdout', 'printf %s "$prompt"'],
  ['of an earlier run', 'echo 0123456789abcdef0123456789abcdef-password >&2'],
])('a prompt that is not ours gets no password: %s', async (_name, ask) => {
  const { problem, sent } = await becomeThrough(`${ask}; (sleep 0.5; kill $$ 2>/dev/null) & ${readPassword}`);
  expect(problem?.code).toBe('SUDO');
  expect(sent).not.toContain('cnry_sudo');
});

test('a password that is refused is not sent again', async () => {
  const { problem, sent } = await becomeThrough(
    `printf %s "$prompt" >&2; ${readPassword}; echo "Sorry, try again." >&2; printf %s "$prompt" >&2; ${readPassword}`,
  );
  expect(problem).toMatchObject({ code: 'SUDO', happened: 'sudo did not take the password of deploy' });
  expect(sent.match(/cnry_sudo/g)).toHaveLength(1);
});

test('our prompt after the shell has begun gets nothing', async () => {
  const late = '(sleep 0.1; printf %s "$prompt" >&2) &';
  const { answer, sent } = await becomeThrough(
    `${late} tee "$got" | (run "$@")`,
    'cnry_sudo',
    sh`sleep 0.4; echo alive`,
  );
  expect(answer).toBe('alive\n');
  expect(sent).toContain('alive');
  expect(sent).not.toContain('cnry_sudo');
});

test.each([
  ['sudo: a password is required', 1, /asks deploy for a password/, null],
  ['sudo: interactive authentication is required', 1, /asks deploy for a password/, null],
  ['deploy is not in the sudoers file.', 1, /does not let deploy/, 'cnry_sudo'],
  ["Sorry, user deploy is not allowed to execute '/bin/sh' as root", 1, /does not let deploy/, 'cnry_sudo'],
  ['sudo: sorry, you must have a tty to run sudo', 1, /requiretty/, 'cnry_sudo'],
  ['sudo: not found', 127, /no sudo on the host/, 'cnry_sudo'],
  ['sudo: unable to open /etc/sudoers: odd', 1, /ended with status 1: .*odd/, 'cnry_sudo'],
])('%s', async (message, status, happened, password) => {
  const { problem } = await becomeThrough(`echo "${message}" >&2; exit ${status}`, password);
  expect(problem).toMatchObject({ code: 'SUDO', host: 'web-1', hostState: 'host untouched' });
  expect(problem?.happened).toMatch(happened);
  expect(problem?.remedy).not.toBe('');
});

test('neither the command line nor an error holds the password', async () => {
  const { problem, log } = await becomeThrough(
    `printf %s "$prompt" >&2; ${readPassword}; echo "$line" >/dev/null; exit 1`,
  );
  expect(JSON.stringify(problem)).not.toContain('cnry_sudo');
  expect(log.join()).not.toContain('cnry_sudo');
});

test('a password with a line break is refused before anything is contacted', async () => {
  const { problem, log } = await becomeThrough('run "$@"', 'one\nreboot');
  expect(problem).toMatchObject({ code: 'SUDO', hostState: 'nothing was contacted' });
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
