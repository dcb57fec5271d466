import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterEach, describe, expect, test } from 'vitest';
import type { Problem } from '../../core/errors.ts';
import { problemsOf } from '../../core/errors.ts';
import { sh } from '../../core/script.ts';
import { connect } from '../connect.ts';
import { loadCredentials } from './credentials.ts';
import type { SshTarget } from '../target.ts';
import type { CertificateOptions } from '../testing/issue-certificate.ts';
import { certificateLine, issueCertificate } from '../testing/issue-certificate.ts';
import { loopback, makeFolder, removeFolders, trusting } from '../testing/loopback.ts';
import type { KeyKind, KeyPair } from '../testing/make-key.ts';
import { makeKey } from '../testing/make-key.ts';
import type { Sshd } from '../testing/sshd.ts';
import { hasSshd, startSshd } from '../testing/sshd.ts';
import { allowUserCertificates } from './user-certificates.ts';

const authority = makeKey();
const { username } = userInfo();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  removeFolders();
});

const now = Math.floor(Date.now() / 1000);

/** A key file, and beside it a certificate. */
function identity(
  key: KeyPair,
  certificate: Partial<CertificateOptions> | string = {},
  folder = makeFolder(),
) {
  const keyFile = join(folder, 'id');
  writeFileSync(keyFile, key.private, { mode: 0o600 });
  writeFileSync(`${keyFile}.pub`, `${key.parsed.type} ${key.public.toString('base64')}\n`);
  const text =
    typeof certificate === 'string'
      ? certificate
      : certificateLine(
          issueCertificate(key.public, { authority, role: 'user', principals: [username], ...certificate }),
        );
  writeFileSync(`${keyFile}-cert.pub`, text);
  return { keyFile, certificateFile: `${keyFile}-cert.pub` };
}

const labels = async (more: Partial<SshTarget>) => {
  const { password: _none, ...target } = loopback(22, more);
  return (await loadCredentials(target)).map(({ type, label }) => `${type}: ${label}`);
};

test('a certificate beside a key is offered before the key', async () => {
  const { keyFile, certificateFile } = identity(makeKey());
  const both = [`key: certificate ${certificateFile}`, `key: key ${keyFile}`];
  expect(await labels({ keyFile })).toEqual(both);
  expect(await labels({ keyFile, certificateFile })).toEqual(both);
  rmSync(certificateFile);
  expect(await labels({ keyFile })).toEqual([`key: key ${keyFile}`]);
});

test.each<[string, Partial<CertificateOptions> | string, RegExp]>([
  ['expired', { validBefore: now - 60 }, /it expired at .*, and the clock of this machine says /],
  ['not valid yet', { validAfter: now + 3600 }, /valid only from /],
  ['for a host', { role: 'host' }, /it is for hosts/],
  ['forged', { claimedAuthority: makeKey().public }, /signature of its authority is wrong/],
  ['no certificate', `ssh-ed25519 ${makeKey().public.toString('base64')}\n`, /ssh-ed25519 are not supported/],
  ['junk', '\x1b[31m junk!', /does not hold one line/],
])(
  'F07: one that is %s is left out and told, and refused when it was asked for',
  async (_, options, reason) => {
    const { keyFile, certificateFile } = identity(makeKey(), options);
    const [plain, left] = await labels({ keyFile });
    expect(plain).toBe(`key: key ${keyFile}`);
    expect(left).toMatch(/^unusable: certificate /);
    expect(left).toMatch(reason);
    const problem = await labels({ keyFile, certificateFile }).catch(
      (error: unknown) => problemsOf(error)[0],
    );
    expect(problem).toMatchObject({ code: 'KEY_FILE', host: 'web-1' });
    expect((problem as Problem).happened).toMatch(reason);
  },
);

test('one for another key, and one that is not there', async () => {
  const { keyFile, certificateFile } = identity(makeKey());
  writeFileSync(keyFile, makeKey().private);
  expect((await labels({ keyFile }))[1]).toContain('it is for another key');
  rmSync(certificateFile);
  const missing = labels({ keyFile, certificateFile });
  await expect(missing).rejects.toThrow('it does not exist');
});

test('a version of ssh2 that is built in another way is not used', () => {
  expect(() => allowUserCertificates(new ssh2.Client())).toThrow('cannot be taught');
});

describe.skipIf(!hasSshd)('a real sshd that trusts an authority', () => {
  async function start(configuration: readonly string[] = []): Promise<Sshd> {
    const file = join(makeFolder(), 'ca.pub');
    writeFileSync(file, `ssh-ed25519 ${authority.public.toString('base64')}\n`);
    const sshd = await startSshd({
      configuration: [`TrustedUserCAKeys ${file}`, 'LogLevel VERBOSE', ...configuration],
      users: {},
    });
    closing.push(() => sshd.stop());
    return sshd;
  }

  async function logIn(sshd: Sshd, more: Partial<SshTarget>): Promise<Partial<Problem>> {
    const { password: _none, ...target } = loopback(sshd.port, { user: username, ...more });
    try {
      const connection = await connect(target, trusting([[sshd.port, sshd.hostKey]]));
      const { stdout } = await connection.execute(sh`echo in`, { timeoutMs: 10_000, doing: 'test' });
      await connection.close();
      return { happened: stdout.trim() };
    } catch (error) {
      return problemsOf(error)[0];
    }
  }

  test('the bare package has no way to show one, and does not get in', async () => {
    const sshd = await start();
    const key = makeKey();
    const client = new ssh2.Client();
    closing.push(() => client.end());
    const failed = new Promise<Error>((resolve) => client.once('error', resolve));
    client.connect({ host: '127.0.0.1', port: sshd.port, username, privateKey: key.private });
    expect((await failed).message).toContain('authentication methods failed');
  });

  test.each<KeyKind>(['ed25519', 'ecdsa', 'ecdsa384', 'ecdsa521', 'rsa'])(
    'lets a certified %s key in',
    async (kind) => {
      const sshd = await start();
      const { keyFile } = identity(makeKey(kind));
      expect(await logIn(sshd, { keyFile })).toEqual({ happened: 'in' });
      expect(sshd.log).toMatch(/Accepted publickey for \S+ .*-CERT .*ID of a test/);
      expect(sshd.log).not.toContain('Failed publickey');
    },
  );

  test('F06: one for somebody else is tried once, then the key once', async () => {
    const sshd = await start();
    const { keyFile, certificateFile } = identity(makeKey(), { principals: ['nobody-like-this'] });
    const problem = await logIn(sshd, { keyFile });
    expect(problem).toMatchObject({ code: 'AUTH' });
    expect(problem.happened).toContain(`tried certificate ${certificateFile}, then key ${keyFile}`);
  });

  test('F06: an expired one is not tried, and the refusal says so', async () => {
    const sshd = await start();
    const { keyFile } = identity(makeKey(), { validBefore: now - 60 });
    const problem = await logIn(sshd, { keyFile });
    expect(problem.happened).toMatch(/tried key \S+; .*; not tried: certificate \S+: it expired at/);
  });

  const hasAgent = spawnSync('ssh-add', ['-?']).error === undefined && existsSync('/usr/bin/ssh-agent');

  /** An agent with the given key file in it, and the certificate that lies beside. */
  async function agentWith(keyFile: string): Promise<string> {
    const socket = join(makeFolder(), 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
    closing.push(() => agent.kill());
    await new Promise((resolve) => agent.stdout.once('data', resolve));
    chmodSync(keyFile, 0o600);
    execFileSync('ssh-add', ['-q', keyFile], {
      env: { ...process.env, SSH_AUTH_SOCK: socket },
      stdio: 'ignore',
    });
    return socket;
  }

  test.skipIf(!hasAgent).each<KeyKind>(['ed25519', 'ecdsa', 'rsa'])(
    'lets a certified %s key of an agent in, before the plain one',
    async (kind) => {
      const sshd = await start();
      const { keyFile } = identity(makeKey(kind));
      const agent = await agentWith(keyFile);
      rmSync(keyFile);
      expect(await logIn(sshd, { agent })).toEqual({ happened: 'in' });
      expect(sshd.log).toMatch(/Accepted publickey for \S+ .*-CERT/);
      expect(sshd.log).not.toContain('Failed publickey');
    },
  );

  test.skipIf(!hasAgent)('lets a certificate in whose key is encrypted, and open in the agent', async () => {
    const sshd = await start();
    const { keyFile, certificateFile } = identity(makeKey());
    const certificate = execFileSync('cat', [certificateFile]);
    rmSync(certificateFile);
    const agent = await agentWith(keyFile);
    execFileSync('ssh-keygen', ['-q', '-p', '-N', 'secret', '-f', keyFile], { stdio: 'ignore' });
    writeFileSync(certificateFile, certificate);
    expect(await logIn(sshd, { keyFile, agent })).toEqual({ happened: 'in' });
  });
});
