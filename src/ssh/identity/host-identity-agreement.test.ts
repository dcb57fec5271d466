import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../core/errors.ts';
import { problemsOf } from '../../core/errors.ts';
import { handshake } from '../log-in/handshake.ts';
import { HostKeys } from './host-keys.ts';
import { hashedName, knownHostLine } from './known-hosts.ts';
import { targetError } from '../target.ts';
import { certificateLine, issueCertificate } from '../testing/issue-certificate.ts';
import { loopback, makeFolder, removeFolders } from '../testing/loopback.ts';
import { makeKey } from '../testing/make-key.ts';
import type { Sshd } from '../testing/sshd.ts';
import { hasSshd, startSshd } from '../testing/sshd.ts';

/*
 * What is decided over the key of a real sshd, once by us and once by the ssh of OpenSSH, which reaches it under any name
 * and port through a pipe. Where both do not agree, it is written down, and we are the stricter one.
 */

const [a, rsa, ecdsa, other, authority, otherAuthority] = [
  makeKey(),
  makeKey('rsa'),
  makeKey('ecdsa'),
  makeKey(),
  makeKey('ecdsa'),
  makeKey('rsa'),
].map((key) => key) as [K, K, K, K, K, K];
type K = ReturnType<typeof makeKey>;

const now = Math.floor(Date.now() / 1000);
const names = ['web', '10.0.0.5'];

/** Each with the plain key `a` first; all but two with a certificate for it as well. */
const servers = {
  plain: { keys: [a] },
  'two keys': { keys: [a, rsa] },
  certified: { keys: [a], certificate: { principals: names } },
  expired: { keys: [a], certificate: { principals: names, validBefore: now - 60 } },
  'not valid yet': { keys: [a], certificate: { principals: names, validAfter: now + 3600 } },
  'for another name': { keys: [a], certificate: { principals: ['lb'] } },
  'for a pattern': { keys: [a], certificate: { principals: ['*'] } },
  'for no name': { keys: [a], certificate: { principals: [] } },
  'for users': { keys: [a], certificate: { principals: names, role: 'user' as const } },
  'with an option': { keys: [a], certificate: { principals: names, criticalOptions: { x: 'y' } } },
};
type ServerName = keyof typeof servers;

const known = (hosts: string, key: K, marker = '') => `${marker}${knownHostLine(hosts, key.public)}`;
const ca = (hosts: string, key = authority) => known(hosts, key, '@cert-authority ');
const revoked = (hosts: string, key: K) => known(hosts, key, '@revoked ');

interface Case {
  readonly server?: ServerName;
  readonly host?: string;
  readonly port?: number;
  readonly acceptNew?: boolean;
  readonly lines: readonly string[];
  readonly want: 'trusted' | ErrorCode;
  /** What ssh does when it does not agree. */
  readonly ssh?: 'trusted';
}

const cases: Record<string, Case> = {
  'nothing known': { lines: [], want: 'HOSTKEY_UNKNOWN' },
  'nothing known, new ones welcome': { lines: [], acceptNew: true, want: 'trusted' },
  known: { lines: [known('web', a)], want: 'trusted' },
  'known in other letters': { lines: [known('WEB', a)], host: 'Web', want: 'trusted' },
  'known among other keys': { lines: [known('web', other), known('web', a)], want: 'trusted' },
  'known in the second of two names': { lines: [known('lb,web', a)], want: 'trusted' },
  'known on a line that ends as on Windows': { lines: [`${known('web', a)}\r`], want: 'trusted' },
  'known with tabs and a comment': {
    lines: [`${known('web', a).replaceAll(' ', '\t')}\tx # y`],
    want: 'trusted',
  },
  'known but commented out': { lines: [`#${known('web', a)}`], want: 'HOSTKEY_UNKNOWN' },
  changed: { lines: [known('web', other)], want: 'HOSTKEY_CHANGED' },
  'changed, new ones welcome': { lines: [known('web', other)], acceptNew: true, want: 'HOSTKEY_CHANGED' },
  'changed, on a line for all': { lines: [known('*', other)], acceptNew: true, want: 'HOSTKEY_CHANGED' },
  'another type known': { lines: [known('web', ecdsa)], want: 'HOSTKEY_CHANGED' },
  'another type known, new ones welcome': {
    lines: [known('web', ecdsa)],
    acceptNew: true,
    want: 'HOSTKEY_CHANGED',
  },
  'only the second key known': { server: 'two keys', lines: [known('web', rsa)], want: 'trusted' },
  'only the first key known': { server: 'two keys', lines: [known('web', a)], want: 'trusted' },
  'another host known': { lines: [known('lb', a)], want: 'HOSTKEY_UNKNOWN' },
  'known by hash': { lines: [known(hashedName('web'), a)], want: 'trusted' },
  'changed by hash': { lines: [known(hashedName('web'), other)], want: 'HOSTKEY_CHANGED' },
  'hash of another host': { lines: [known(hashedName('lb'), a)], want: 'HOSTKEY_UNKNOWN' },
  'known by a pattern': { lines: [known('w*', a)], want: 'trusted' },
  'excluded from a pattern': { lines: [known('*,!web', a)], want: 'HOSTKEY_UNKNOWN' },
  'excluded before it is named': { lines: [known('!web,web', a)], want: 'HOSTKEY_UNKNOWN' },
  'a name is not its address': { lines: [known('web', a)], host: '10.0.0.5', want: 'HOSTKEY_UNKNOWN' },
  'an address is not its name': { lines: [known('10.0.0.5', a)], want: 'HOSTKEY_UNKNOWN' },
  'known by address': { lines: [known('10.0.0.5', a)], host: '10.0.0.5', want: 'trusted' },
  'known by address of version 6': { lines: [known('2001:db8::5', a)], host: '2001:db8::5', want: 'trusted' },
  'known by version 6 and port': {
    lines: [known('[2001:db8::5]:2222', a)],
    host: '2001:db8::5',
    port: 2222,
    want: 'trusted',
  },
  'known with its port': { lines: [known('[web]:2222', a)], port: 2222, want: 'trusted' },
  'known with its port by hash': { lines: [known(hashedName('[web]:2222'), a)], port: 2222, want: 'trusted' },
  'known with another port': { lines: [known('[web]:2223', a)], port: 2222, want: 'HOSTKEY_UNKNOWN' },
  'known with a port, on port 22': { lines: [known('[web]:2222', a)], want: 'HOSTKEY_UNKNOWN' },
  'known without its port': { lines: [known('web', a)], port: 2222, want: 'trusted' },
  'changed without its port': { lines: [known('web', other)], port: 2222, want: 'HOSTKEY_UNKNOWN' },
  'changed with its port, known without': {
    lines: [known('[web]:2222', other), known('web', a)],
    port: 2222,
    want: 'HOSTKEY_CHANGED',
  },
  revoked: { lines: [revoked('web', a)], want: 'HOSTKEY_REVOKED' },
  'revoked, although known': { lines: [known('web', a), revoked('*', a)], want: 'HOSTKEY_REVOKED' },
  'revoked, new ones welcome': { lines: [revoked('*', a)], acceptNew: true, want: 'HOSTKEY_REVOKED' },
  'revoked for another host': { lines: [known('web', a), revoked('lb', a)], want: 'trusted' },
  'another key revoked': { lines: [known('web', a), revoked('web', other)], want: 'trusted' },
  'revoked without its port, known with it': {
    lines: [known('[web]:2222', a), revoked('web', a)],
    port: 2222,
    want: 'HOSTKEY_REVOKED',
    ssh: 'trusted',
  },
  'an authority says nothing about a plain key': { lines: [ca('web', a)], want: 'HOSTKEY_UNKNOWN' },
  certified: { server: 'certified', lines: [ca('web')], want: 'trusted' },
  'certified, authority for all': { server: 'certified', lines: [ca('*')], want: 'trusted' },
  'certified, authority by hash': { server: 'certified', lines: [ca(hashedName('web'))], want: 'trusted' },
  'certified for the address': {
    server: 'certified',
    lines: [ca('10.*')],
    host: '10.0.0.5',
    want: 'trusted',
  },
  'certified, authority for the port': {
    server: 'certified',
    lines: [ca('[web]:2222')],
    port: 2222,
    want: 'trusted',
  },
  'certified, authority without the port': {
    server: 'certified',
    lines: [ca('web')],
    port: 2222,
    want: 'trusted',
  },
  'certified, authority of another port': {
    server: 'certified',
    lines: [ca('[web]:2223')],
    port: 2222,
    want: 'HOSTKEY_UNKNOWN',
  },
  'certified, authority for other hosts': {
    server: 'certified',
    lines: [ca('*.lan')],
    want: 'HOSTKEY_UNKNOWN',
  },
  'certified, but excluded': { server: 'certified', lines: [ca('*,!web')], want: 'HOSTKEY_UNKNOWN' },
  'certified by another authority': {
    server: 'certified',
    lines: [ca('*', otherAuthority)],
    want: 'HOSTKEY_UNKNOWN',
  },
  'certified by one of two authorities': {
    server: 'certified',
    lines: [ca('*', otherAuthority), ca('*')],
    want: 'trusted',
  },
  'certified, and another plain key known': {
    server: 'certified',
    lines: [ca('*'), known('web', other)],
    want: 'trusted',
  },
  'certified by nobody known, the key known': {
    server: 'certified',
    lines: [known('web', a)],
    want: 'trusted',
  },
  'certified by nobody known, new ones welcome': {
    server: 'certified',
    lines: [],
    acceptNew: true,
    want: 'trusted',
  },
  'certified by another authority, the key changed': {
    server: 'certified',
    lines: [ca('*', otherAuthority), known('web', other)],
    want: 'HOSTKEY_CHANGED',
  },
  'certified, the key revoked': {
    server: 'certified',
    lines: [ca('*'), revoked('*', a)],
    want: 'HOSTKEY_REVOKED',
  },
  'certified, the authority revoked': {
    server: 'certified',
    lines: [ca('*'), revoked('*', authority)],
    want: 'HOSTKEY_REVOKED',
  },
  'certified, the authority revoked, the key known': {
    server: 'certified',
    lines: [ca('*'), known('web', a), revoked('*', authority)],
    want: 'HOSTKEY_REVOKED',
  },
  expired: { server: 'expired', lines: [ca('*')], want: 'HOSTKEY_UNKNOWN' },
  'expired, the key known': { server: 'expired', lines: [ca('*'), known('web', a)], want: 'trusted' },
  'expired, the key changed': {
    server: 'expired',
    lines: [ca('*'), known('web', other)],
    want: 'HOSTKEY_CHANGED',
  },
  'expired, new ones welcome': { server: 'expired', lines: [ca('*')], acceptNew: true, want: 'trusted' },
  'not valid yet': { server: 'not valid yet', lines: [ca('*')], want: 'HOSTKEY_UNKNOWN' },
  'for another name': { server: 'for another name', lines: [ca('*')], want: 'HOSTKEY_UNKNOWN' },
  'for a pattern': { server: 'for a pattern', lines: [ca('*')], want: 'HOSTKEY_UNKNOWN' },
  'for no name': { server: 'for no name', lines: [ca('*')], want: 'HOSTKEY_UNKNOWN', ssh: 'trusted' },
  'for users': { server: 'for users', lines: [ca('*')], want: 'HOSTKEY_UNKNOWN' },
  'with an option': { server: 'with an option', lines: [ca('*')], want: 'HOSTKEY_UNKNOWN' },
};

const hasSsh = spawnSync('ssh', ['-V']).error === undefined;

describe.skipIf(!hasSshd || !hasSsh)('S25, G14: decisions over host keys agree with ssh', () => {
  const running = new Map<ServerName, Sshd>();
  beforeAll(async () => {
    for (const [name, { keys, ...more }] of Object.entries(servers)) {
      const certificates = 'certificate' in more ? [certificateFor(more.certificate)] : [];
      running.set(
        name as ServerName,
        await startSshd({ hostKeys: keys.map((key) => key.private), configuration: certificates }),
      );
    }
  }, 60_000);
  afterAll(async () => {
    for (const sshd of running.values()) await sshd.stop();
    removeFolders();
  });

  function certificateFor(options: object): string {
    const file = join(makeFolder(), 'host_key-cert.pub');
    writeFileSync(file, certificateLine(issueCertificate(a.public, { authority, ...options })));
    return `HostCertificate ${file}`;
  }

  test.concurrent.each(Object.entries(cases))(
    'S25: %s',
    async (_name, { server = 'plain', host = 'web', port = 22, acceptNew = false, lines, want, ssh }) => {
      const sshd = running.get(server)!;
      const fileWith = () => {
        const file = join(makeFolder(), 'known_hosts');
        writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
        return file;
      };
      const target = { host, port, acceptNew };
      const [ours, theirs] = await Promise.all([
        decide(sshd, { ...target, file: fileWith() }),
        askSsh(sshd, { ...target, file: fileWith() }),
      ]);
      expect(ours).toBe(want);
      expect(theirs).toBe(ssh ?? (want === 'trusted' ? 'trusted' : 'refused'));
    },
    60_000,
  );
});

interface Question {
  readonly host: string;
  readonly port: number;
  readonly file: string;
  readonly acceptNew: boolean;
}

async function decide(sshd: Sshd, { host, port, file, acceptNew }: Question): Promise<string> {
  const target = { ...loopback(port), address: host };
  const trusted = targetError(target, 'CONN_LOST', 'trusted');
  try {
    const hostKeys = await HostKeys.load(target, { files: [file], acceptNew });
    const socket = connectTcp({ host: '127.0.0.1', port: sshd.port });
    await handshake(socket, {
      target,
      credentials: [],
      algorithms: hostKeys.algorithms()[0]!,
      verifyHost: (wire) => hostKeys.verify(wire),
      onIdentityProven: () => {
        throw trusted;
      },
      timeoutMs: 30_000,
      keepalive: { intervalMs: 0, countMax: 0 },
    });
    return 'logged in';
  } catch (error) {
    return error === trusted ? 'trusted' : problemsOf(error)[0].code;
  }
}

/** ssh logs in nowhere either: it has nothing to log in with. */
async function askSsh(sshd: Sshd, { host, port, file, acceptNew }: Question): Promise<string> {
  const options = {
    ProxyCommand: `/usr/sbin/sshd -i -f ${join(sshd.folder, 'sshd_config')}`,
    UserKnownHostsFile: file,
    GlobalKnownHostsFile: '/dev/null',
    StrictHostKeyChecking: acceptNew ? 'accept-new' : 'yes',
    PreferredAuthentications: 'none',
    BatchMode: 'yes',
    UpdateHostKeys: 'no',
  };
  const given = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const said = await new Promise<string>((resolve) => {
    execFile(
      'ssh',
      ['-F', 'none', ...given, '-p', String(port), '-l', 'nobody', host, 'true'],
      (_error, _out, stderr) => resolve(stderr),
    );
  });
  if (/Permission denied/.test(said)) return 'trusted';
  if (/Host key verification failed/.test(said)) return 'refused';
  return said;
}
