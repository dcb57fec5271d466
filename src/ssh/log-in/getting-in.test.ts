import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { problemsOf } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';
import type { ConnectOptions } from '../connect.ts';
import { connect } from '../connect.ts';
import { LogInPace } from './log-in-pace.ts';
import type { Identity, SshTarget } from '../target.ts';
import { loopback, makeFolder, removeFolders, trusting } from '../testing/loopback.ts';
import { makeKey } from '../testing/make-key.ts';
import type { Sshd, SshdOptions } from '../testing/sshd.ts';
import { hasSshd, startSshd } from '../testing/sshd.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  removeFolders();
});

async function start(options: SshdOptions = {}): Promise<Sshd> {
  const sshd = await startSshd(options);
  closing.push(() => sshd.stop());
  return sshd;
}

async function outcome(sshd: Sshd, more: Partial<SshTarget>, options: Partial<ConnectOptions> = {}) {
  const { password: _none, ...target } = loopback(sshd.port, { user: sshd.user, ...more });
  try {
    const connection = await connect(
      { ...target, ...(more.password && { password: more.password }) },
      trusting([[sshd.port, sshd.hostKey]], { connectTimeoutMs: 30_000, ...options }),
    );
    await connection.close();
    return { code: 'connected', happened: '' };
  } catch (error) {
    return problemsOf(error)[0];
  }
}

function writeKey(name: string, more: Partial<Identity> = {}): Identity {
  const keyFile = join(makeFolder(), name);
  writeFileSync(keyFile, makeKey().private, { mode: 0o600 });
  return { keyFile, ...more };
}

/** An agent that holds fresh keys, and those in the given files. */
async function startAgent(fresh: number, files: readonly string[] = []): Promise<string> {
  const socket = join(makeFolder(), 'agent');
  const agent: ChildProcess = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  closing.push(() => agent.kill());
  await expect.poll(() => existsSync(socket), { timeout: 10_000 }).toBe(true);
  const keys = Array.from({ length: fresh }, (_, index) => writeKey(`fresh-${index}`).keyFile);
  const added = spawnSync('ssh-add', ['-q', ...keys, ...files], {
    env: { SSH_AUTH_SOCK: socket, PATH: process.env['PATH'] },
  });
  expect(String(added.stderr)).toBe('');
  return socket;
}

const failures = (sshd: Sshd) => sshd.log.match(/Failed publickey/g)?.length ?? 0;

describe.skipIf(!hasSshd)('with a real sshd', () => {
  const strict = { configuration: ['MaxAuthTries 3', 'LogLevel VERBOSE'] };

  test('S46: an agent with ten keys and MaxAuthTries 3: the one that is named is offered alone', async () => {
    const sshd = await start(strict);
    const agent = await startAgent(10, [sshd.keyFile]);
    const identities = [{ keyFile: sshd.keyFile }];
    expect(await outcome(sshd, { agent, identities, identitiesOnly: true })).toMatchObject({
      code: 'connected',
    });
    expect(await outcome(sshd, { agent, identities })).toMatchObject({ code: 'connected' });
    expect(await outcome(sshd, { agent, keyFile: sshd.keyFile })).toMatchObject({ code: 'connected' });
    expect(failures(sshd)).toBe(0);
  });

  test('S46: identitiesOnly keeps the keys of an agent back, also when the named one is refused', async () => {
    const sshd = await start(strict);
    const agent = await startAgent(10, [sshd.keyFile]);
    const identities = [writeKey('wrong')];
    const problem = await outcome(sshd, { agent, identities, identitiesOnly: true });
    expect(problem.code).toBe('AUTH');
    expect(problem.happened).toContain(`tried key ${identities[0]!.keyFile};`);
    expect(failures(sshd)).toBe(1);
  });

  test('several keys are tried in their order, each once', async () => {
    const sshd = await start({ configuration: ['LogLevel VERBOSE'] });
    const identities = [writeKey('first'), writeKey('second'), { keyFile: sshd.keyFile }, writeKey('never')];
    expect(await outcome(sshd, { identities })).toMatchObject({ code: 'connected' });
    expect(failures(sshd)).toBe(2);
  });

  test('a key that the agent holds, too, is shown once', async () => {
    const sshd = await start({ configuration: ['LogLevel VERBOSE'] });
    const wrong = writeKey('wrong');
    const agent = await startAgent(0, [wrong.keyFile]);
    expect(await outcome(sshd, { agent, identities: [wrong] })).toMatchObject({ code: 'AUTH' });
    expect(failures(sshd)).toBe(1);
  });

  test('keys that nobody has named are tried when they are there and usable, and are no problem otherwise', async () => {
    const sshd = await start();
    const damaged = join(makeFolder(), 'id_ecdsa');
    writeFileSync(damaged, 'no key', { mode: 0o600 });
    const usual = [join(makeFolder(), 'absent'), damaged, sshd.keyFile];
    const identities = usual.map((keyFile) => ({ keyFile, isDefault: true }));
    expect(await outcome(sshd, { identities })).toMatchObject({ code: 'connected' });
    expect(await outcome(sshd, { identities: identities.slice(0, 2) })).toMatchObject({ code: 'AUTH' });
  });

  test('F07: one that was named and is missing is told before anything is contacted', async () => {
    const sshd = await start({ configuration: ['LogLevel VERBOSE'] });
    const identities = [{ keyFile: '/nonexistent/key' }, { keyFile: sshd.keyFile }];
    expect(await outcome(sshd, { identities })).toMatchObject({ code: 'KEY_FILE' });
    expect(sshd.log).not.toContain('Connection from');
  });

  test('F06: a way of logging in that is switched off is not tried', async () => {
    const sshd = await start({ configuration: ['LogLevel VERBOSE'] });
    const problem = await outcome(sshd, { keyFile: sshd.keyFile, without: ['publickey'] });
    expect(problem).toMatchObject({ code: 'AUTH' });
    expect(problem.happened).toContain('tried no credential');
    expect(sshd.log).not.toContain('publickey');
  });

  test('S46: one wrong key on fifty hosts is fifty attempts, and no more', { timeout: 120_000 }, async () => {
    const sshd = await start({ configuration: ['LogLevel VERBOSE', 'MaxStartups 100'] });
    const { keyFile } = writeKey('wrong');
    const pace = new LogInPace();
    const hosts = Array.from({ length: 50 }, (_, index) => `web-${index}`);
    const all = await Promise.all(hosts.map((name) => outcome(sshd, { name, keyFile }, { pace })));
    expect(all.map(({ code }) => code)).toEqual(hosts.map(() => 'AUTH'));
    expect(failures(sshd)).toBe(50);
  });

  test(
    'F18: MaxStartups 2:100:3 and fifty hosts: all get in, as logins are paced and tried again',
    { timeout: 240_000 },
    async () => {
      const sshd = await start({ configuration: ['MaxStartups 2:100:3'] });
      const pace = new LogInPace();
      const hosts = Array.from({ length: 50 }, (_, index) => `web-${index}`);
      const all = await Promise.all(
        hosts.map((name) => outcome(sshd, { name, keyFile: sshd.keyFile }, { pace })),
      );
      expect(all.filter(({ code }) => code !== 'connected')).toEqual([]);
    },
  );

  test('F10: when there is no common algorithm, both lists are told', async () => {
    const sshd = await start({ configuration: ['Ciphers 3des-cbc'] });
    const problem = await outcome(sshd, { keyFile: sshd.keyFile });
    expect(problem.code).toBe('ALGORITHM');
    expect(problem.happened).toContain('3des-cbc');
    expect(problem.happened).toContain('aes128-gcm@openssh.com');
  });

  test('S45: no agent is ever forwarded', async () => {
    const sshd = await start({ configuration: ['LogLevel DEBUG1', 'AllowAgentForwarding yes'] });
    const agent = await startAgent(0, [sshd.keyFile]);
    expect(await outcome(sshd, { agent })).toMatchObject({ code: 'connected' });
    expect(sshd.log).toContain('Starting session');
    expect(sshd.log).not.toContain('auth-agent-req');
  });
});

test.skipIf(!hasSshd)('a password is not sent where it is switched off', async () => {
  const sshd = await start();
  const problem = await outcome(sshd, {
    password: new Secret('cnry', 'x'),
    without: ['password', 'keyboard-interactive'],
  });
  expect(problem.happened).toContain('tried no credential');
});
