import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterEach, describe, expect, test } from 'vitest';
import type { Problem } from '../../core/errors.ts';
import { problemsOf } from '../../core/errors.ts';
import { sh } from '../../core/script.ts';
import { connect } from '../connect.ts';
import { offerHostCertificates } from './host-certificates.ts';
import { fingerprint, knownHostLine, knownHostName } from './known-hosts.ts';
import type { SshTarget } from '../target.ts';
import type { CertificateOptions } from '../testing/issue-certificate.ts';
import { certificateLine, issueCertificate } from '../testing/issue-certificate.ts';
import { readKnownHosts } from './known-hosts-file.ts';
import { loopback, makeFolder, removeFolders } from '../testing/loopback.ts';
import type { KeyKind, KeyPair } from '../testing/make-key.ts';
import { makeKey } from '../testing/make-key.ts';
import { showCertificate } from '../testing/show-certificate.ts';
import type { SshServer } from '../testing/ssh-server.ts';
import { password, startSshServer } from '../testing/ssh-server.ts';
import type { Sshd } from '../testing/sshd.ts';
import { hasSshd, startSshd } from '../testing/sshd.ts';
import { scanHostKey, trustHostKeys } from './trust.ts';

const authority = makeKey();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  removeFolders();
});

/** A server that shows whatever certificate it is given, and signs with `signer`. */
async function showing(certificate: Buffer, signer: KeyPair): Promise<SshServer> {
  const server = await startSshServer({
    hostKeys: [signer.parsed],
    onConnection: (connection) => showCertificate(connection, certificate, signer.parsed),
  });
  closing.push(() => server.close());
  return server;
}

const line = (marker: string, key: Buffer, hosts = '*') => `${marker}${knownHostLine(hosts, key)}\n`;
const authorityLine = line('@cert-authority ', authority.public, '[127.0.0.1]:*');

async function outcome(
  port: number,
  known: string,
  more: Partial<SshTarget> = {},
  acceptNew = false,
): Promise<Partial<Problem>> {
  const file = join(makeFolder(), 'known_hosts');
  writeFileSync(file, known);
  try {
    const options = { knownHosts: { files: [file], acceptNew }, connectTimeoutMs: 10_000 };
    const connection = await connect(loopback(port, more), options);
    const { stdout } = await connection.execute(sh`echo in`, { timeoutMs: 10_000, doing: 'test' });
    await connection.close();
    return { happened: stdout.trim() };
  } catch (error) {
    return problemsOf(error)[0];
  }
}

const certified = (key: KeyPair, more: Partial<CertificateOptions> = {}) =>
  issueCertificate(key.public, { authority, principals: ['127.0.0.1'], ...more });

describe('S25: certificates of hosts', () => {
  test('the bare package knows none, and what is taught to one connection is not known to the next', async () => {
    const algorithm = 'ssh-ed25519-cert-v01@openssh.com';
    const bare = () =>
      new ssh2.Client().connect({
        username: 'x',
        algorithms: { serverHostKey: [algorithm as 'ssh-ed25519'] },
      });
    expect(bare).toThrow('Unsupported algorithm');
    const key = makeKey();
    const server = await showing(certified(key), key);
    expect(await outcome(server.port, authorityLine)).toEqual({ happened: 'in' });
    expect(bare).toThrow('Unsupported algorithm');
    const client = new ssh2.Client();
    const failed = new Promise<Error>((resolve) => client.once('error', resolve));
    client.connect({ host: '127.0.0.1', port: server.port, username: 'deploy', password });
    expect((await failed).message).toContain('no matching host key format');
  });

  test('a version of ssh2 that is built in another way is not used', () => {
    expect(() => offerHostCertificates(new ssh2.Client(), [])).toThrow('cannot be taught');
  });

  test.each<KeyKind>(['ed25519', 'ecdsa', 'ecdsa384', 'ecdsa521', 'rsa'])(
    'a certified %s key',
    async (kind) => {
      const key = makeKey(kind);
      const server = await showing(certified(key), key);
      expect(await outcome(server.port, authorityLine)).toEqual({ happened: 'in' });
    },
  );

  test('an authority of the inventory vouches without any known_hosts', async () => {
    const key = makeKey();
    const server = await showing(certified(key), key);
    const of = (pair: KeyPair) => ({
      hostCertificateAuthorities: [`ssh-ed25519 ${pair.public.toString('base64')}`],
    });
    expect(await outcome(server.port, '', of(authority))).toEqual({ happened: 'in' });
    expect(await outcome(server.port, '', of(makeKey()))).toMatchObject({ code: 'HOSTKEY_UNKNOWN' });
  });

  const now = Math.floor(Date.now() / 1000);
  test.each<[string, Partial<CertificateOptions>, RegExp]>([
    [
      'for another name',
      { principals: ['web', '127.0.0.2'] },
      /it is for web, 127\.0\.0\.2, not for 127\.0\.0\.1/,
    ],
    ['for a pattern', { principals: ['*', '127.0.0.?'] }, /not for 127\.0\.0\.1/],
    ['for no name', { principals: [] }, /names no host/],
    ['for users', { role: 'user' }, /is for users/],
    ['expired', { validBefore: now - 60 }, /expired at .*Z, and the clock of this machine says 2/],
    ['not valid yet', { validAfter: now + 3600 }, /valid only from .*Z on, and the clock/],
    [
      'with an unknown critical option',
      { criticalOptions: { 'force-command': 'x' } },
      /demands "force-command"/,
    ],
    [
      'by another authority',
      { authority: makeKey() },
      /nothing says that authority SHA256:\S+ may vouch for 127/,
    ],
    [
      'forged',
      { authority: makeKey(), claimedAuthority: authority.public },
      /signature of its authority is wrong/,
    ],
  ])('one that is %s does not count, and its key is unknown', async (_name, more, reason) => {
    const key = makeKey();
    const server = await showing(certified(key, more), key);
    const problem = await outcome(server.port, authorityLine);
    expect(problem.code).toBe('HOSTKEY_UNKNOWN');
    expect(problem.happened).toMatch(reason);
    expect(server.log).toEqual([]);
  });

  test('one that does not count is as good as its key: known, changed, or taken when new ones are', async () => {
    const key = makeKey();
    const server = await showing(certified(key, { principals: ['web'] }), key);
    const name = knownHostName('127.0.0.1', server.port);
    const known = authorityLine + line('', key.public, name);
    expect(await outcome(server.port, known)).toEqual({ happened: 'in' });
    const changed = await outcome(server.port, authorityLine + line('', makeKey().public, name), {}, true);
    expect(changed).toMatchObject({ code: 'HOSTKEY_CHANGED' });
    expect(changed.happened).toContain('it is for web');
    expect(await outcome(server.port, authorityLine, {}, true)).toEqual({ happened: 'in' });
  });

  test('where the inventory names the authority, consent to new keys does not replace it', async () => {
    const [key, plain] = [makeKey(), await startSshServer()];
    closing.push(() => plain.close());
    const server = await showing(certified(key, { principals: ['web'] }), key);
    const more = { hostCertificateAuthorities: [`ssh-ed25519 ${authority.public.toString('base64')}`] };
    for (const { port } of [server, plain]) {
      const problem = await outcome(port, '', more, true);
      expect(problem).toMatchObject({ code: 'HOSTKEY_UNKNOWN' });
      expect(problem.remedy).toContain('host_ca');
    }
  });

  test('a revoked key or authority is refused, whatever else speaks for it', async () => {
    const key = makeKey();
    const server = await showing(certified(key), key);
    for (const revoked of [key.public, authority.public]) {
      const known = authorityLine + line('', key.public) + line('@revoked ', revoked);
      const problem = await outcome(server.port, known, { fingerprint: fingerprint(key.public) }, true);
      expect(problem).toMatchObject({ code: 'HOSTKEY_REVOKED' });
    }
    expect(server.log).toEqual([]);
  });

  test('a certificate of a key that the host does not hold is not enough', async () => {
    const server = await showing(certified(makeKey()), makeKey());
    expect(['CONN_LOST', 'ALGORITHM']).toContain((await outcome(server.port, authorityLine)).code);
    expect(server.log).toEqual([]);
  });

  test('any damaged certificate is refused', async () => {
    const key = makeKey();
    const whole = certified(key);
    for (const at of [40, 90, 160, whole.length - 1]) {
      const damaged = Buffer.from(whole);
      damaged[at] = damaged[at]! ^ 1;
      const server = await showing(damaged, key);
      const problem = await outcome(server.port, authorityLine + line('', key.public), {}, true);
      expect(problem.code, `byte ${at}`).toMatch(/^(HOSTKEY_UNKNOWN|CONN_LOST)$/);
      expect(server.log).toEqual([]);
    }
  });

  test('a pin is a pin of the key inside', async () => {
    const key = makeKey();
    const server = await showing(certified(key), key);
    expect(await outcome(server.port, authorityLine, { fingerprint: fingerprint(key.public) })).toEqual({
      happened: 'in',
    });
    const wrong = { fingerprint: fingerprint(authority.public) };
    expect(await outcome(server.port, authorityLine, wrong)).toMatchObject({ code: 'HOSTKEY_CHANGED' });
  });

  test('nobody who may vouch: certificates are not asked for', async () => {
    const key = makeKey();
    const server = await showing(certified(key), key);
    expect(await outcome(server.port, '')).toMatchObject({ code: 'ALGORITHM' });
  });

  test('trusting shows who vouches for a host, and stores nothing', async () => {
    const key = makeKey();
    const server = await showing(certified(key), key);
    const file = join(makeFolder(), 'known_hosts');
    writeFileSync(file, authorityLine);
    const target = loopback(server.port);
    const scanned = await scanHostKey(target, {
      knownHosts: await readKnownHosts([file]),
      connectTimeoutMs: 10_000,
    });
    expect(scanned.status).toBe('vouched');
    trustHostKeys(file, [{ target, scanned }]);
    expect(await outcome(server.port, authorityLine)).toEqual({ happened: 'in' });
  });
});

describe.skipIf(!hasSshd)('S25: certificates of a real sshd', () => {
  async function start(keys: readonly KeyPair[], configuration: readonly string[] = []): Promise<Sshd> {
    const folder = makeFolder();
    const certificates = keys.map((key, index) => {
      const file = join(folder, `host_key_${index}-cert.pub`);
      writeFileSync(file, certificateLine(certified(key)));
      return `HostCertificate ${file}`;
    });
    const sshd = await startSshd({
      hostKeys: keys.map((key) => key.private),
      configuration: [...certificates, ...configuration],
    });
    closing.push(() => sshd.stop());
    return sshd;
  }

  const login = ({ user, keyFile }: Sshd) => ({ user, keyFile });

  test.each<[KeyKind, string]>([
    ['ed25519', 'ssh-ed25519'],
    ['ecdsa', 'ecdsa-sha2-nistp256'],
    ['ecdsa384', 'ecdsa-sha2-nistp384'],
    ['ecdsa521', 'ecdsa-sha2-nistp521'],
    ['rsa', 'rsa-sha2-512'],
    ['rsa', 'rsa-sha2-256'],
  ])('%s with %s and nothing else', async (kind, algorithm) => {
    const only = `HostKeyAlgorithms ${algorithm}-cert-v01@openssh.com`;
    const sshd = await start([makeKey(kind)], [only]);
    expect(await outcome(sshd.port, authorityLine, login(sshd))).toEqual({ happened: 'in' });
  });

  test('the session keys are renewed with the certificate again', async () => {
    const sshd = await start(
      [makeKey()],
      ['RekeyLimit 64K', 'LogLevel DEBUG', 'Subsystem sftp internal-sftp'],
    );
    const file = join(makeFolder(), 'known_hosts');
    writeFileSync(file, authorityLine);
    const options = { knownHosts: { files: [file], acceptNew: false }, connectTimeoutMs: 10_000 };
    const connection = await connect(loopback(sshd.port, login(sshd)), options);
    closing.push(() => connection.close());
    await connection.upload(Buffer.alloc(400_000), join(makeFolder(), 'x'));
    const after = await connection.execute(sh`echo still in`, { timeoutMs: 10_000, doing: 'test' });
    expect(after).toMatchObject({ stdout: 'still in\n' });
    const exchanges = sshd.log.match(/SSH2_MSG_KEXINIT received/g) ?? [];
    expect(exchanges.length).toBeGreaterThan(1);
    expect(sshd.log).toContain('host key algorithm: ssh-ed25519-cert-v01@openssh.com');
  });
});
