import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { problemsOf } from '../core/errors.ts';
import { sh } from '../core/script.ts';
import type { Connection } from '../host/connection.ts';
import type { ConnectOptions } from './connect.ts';
import { connect } from './connect.ts';
import { loopback, makeFolder, removeFolders, trusting } from './testing/loopback.ts';
import type { Sshd } from './testing/sshd.ts';
import { hasSshd, startSshd } from './testing/sshd.ts';

const possible = hasSshd && process.getuid?.() === 0;

const daemons: Sshd[] = [];
const connections: Connection[] = [];
afterEach(async () => {
  for (const connection of connections.splice(0)) await connection.close();
  for (const daemon of daemons.splice(0)) await daemon.stop();
  removeFolders();
});

/** An sshd of our own with some more lines of configuration, and a login by key. */
async function logInTo(
  configuration: readonly string[],
  more: Partial<ConnectOptions> = {},
): Promise<Connection> {
  const sshd = await startSshd({ configuration });
  daemons.push(sshd);
  const { password: _none, ...target } = loopback(sshd.port, { user: sshd.user, keyFile: sshd.keyFile });
  const connection = await connect(target, trusting([[sshd.port, sshd.hostKey]], more));
  connections.push(connection);
  return connection;
}

const quick = { timeoutMs: 5000, doing: 'test' };
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: unknown) => problemsOf(error)[0].code,
  );
const withSftp = 'Subsystem sftp internal-sftp';

describe.skipIf(!possible)('with a real sshd (needs /usr/sbin/sshd and root)', () => {
  test('scripts, uploads and dialling work', async () => {
    const connection = await logInTo([withSftp]);
    expect(await connection.execute(sh`id -u; exit 5`, quick)).toEqual({
      code: 5,
      stdout: '0\n',
      stderr: '',
    });
    const near = join(makeFolder(), 'nginx.conf');
    const content = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => index % 253));
    const path = await connection.upload(content, near);
    expect(dirname(path)).toBe(dirname(near));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(await codeOf(connection.dial('127.0.0.1', 1, 2000))).toBe('CONN_REFUSED');
  });

  test.each([
    ['MaxSessions 1', [withSftp, 'MaxSessions 1']],
    ['no SFTP subsystem', []],
  ])('an upload arrives with %s', async (_name, configuration) => {
    const connection = await logInTo(configuration);
    const path = await connection.upload(Buffer.from('content'), join(makeFolder(), 'x'));
    expect(readFileSync(path, 'utf8')).toBe('content');
  });

  test('forwarding that is forbidden is tried from here for loopback addresses', async () => {
    const connection = await logInTo([withSftp, 'AllowTcpForwarding no']);
    const service = createServer((socket) => socket.end('hello'));
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
    const stream = await connection.dial('127.0.0.1', (service.address() as AddressInfo).port, 2000);
    expect(String((await stream[Symbol.asyncIterator]().next()).value)).toBe('hello');
    service.close();
  });

  test.each([['MaxSessions 1'], ['MaxSessions 10']])(
    'a script that hangs is ended with %s',
    async (sessions) => {
      const connection = await logInTo([withSftp, sessions]);
      const hung = connection.execute(sh`sleep 1000 & sleep 1000`, { timeoutMs: 300, doing: 'sleep' });
      const behind = connection.execute(sh`echo alive`, quick);
      expect(await codeOf(hung)).toBe('STEP_TIMEOUT');
      expect(await behind).toMatchObject({ stdout: 'alive\n' });
    },
  );

  test('the session process killed in the middle of a script is CONN_LOST', async () => {
    const connection = await logInTo([withSftp]);
    // The shell's parent is the sshd of this connection.
    const work = connection.execute(sh`set -- $(cut -d' ' -f4 /proc/$$/stat); kill -9 $1; sleep 5`, quick);
    expect(await codeOf(work)).toBe('CONN_LOST');
  });

  test('a silent peer is CONN_LOST by keepalive, also with a stopped process that never closes the line', async () => {
    const connection = await logInTo([withSftp], { keepalive: { intervalMs: 100, countMax: 3 } });
    const { stdout } = await connection.execute(sh`cut -d' ' -f4 /proc/$$/stat`, quick);
    process.kill(Number(stdout), 'SIGSTOP');
    const started = performance.now();
    expect(await codeOf(connection.execute(sh`true`, quick))).toBe('CONN_LOST');
    expect(performance.now() - started).toBeLessThan(20_000);
    process.kill(Number(stdout), 'SIGKILL');
  });

  test('a full disk is DISK_FULL, leaves the old file and no other', async (context) => {
    const folder = makeFolder();
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'provision-test', folder]).status !== 0)
      context.skip('mount is not allowed');
    try {
      const connection = await logInTo([withSftp]);
      writeFileSync(join(folder, 'nginx.conf'), 'old');
      expect(await codeOf(connection.upload(Buffer.alloc(3_000_000), join(folder, 'nginx.conf')))).toBe(
        'DISK_FULL',
      );
      expect(readFileSync(join(folder, 'nginx.conf'), 'utf8')).toBe('old');
      expect(readdirSync(folder)).toEqual(['nginx.conf']);
    } finally {
      spawnSync('umount', [folder]);
    }
  });
});
