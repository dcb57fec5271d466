import { afterEach, describe, expect, test, vi } from 'vitest';
import { problemsOf } from '../../core/errors.ts';
import { sh } from '../../core/script.ts';
import { Secret } from '../../core/secret.ts';
import type { ConnectOptions, SshConnection } from '../connect.ts';
import { connect } from '../connect.ts';
import { JumpHosts } from './jump-hosts.ts';
import type { SshTarget } from '../target.ts';
import { loopback, removeFolders, trusting } from '../testing/loopback.ts';
import type { SshServer, SshServerOptions } from '../testing/ssh-server.ts';
import { destroy, startSshServer } from '../testing/ssh-server.ts';
import { scanHostKey } from '../identity/trust.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  removeFolders();
});

async function start(options: SshServerOptions = {}): Promise<SshServer> {
  const server = await startSshServer(options);
  closing.push(() => server.close());
  return server;
}

/** Options of one run that knows these servers, with its jump hosts. */
function runOf(
  servers: readonly SshServer[],
  more: Partial<ConnectOptions> = {},
): ConnectOptions & { jumpHosts: JumpHosts } {
  const options = trusting(
    servers.map(({ port, hostKey }) => [port, hostKey] as const),
    more,
  );
  const jumpHosts = new JumpHosts(options);
  closing.push(() => jumpHosts.close());
  return { ...options, jumpHosts };
}

async function open(target: SshTarget, options: ConnectOptions): Promise<SshConnection> {
  const connection = await connect(target, options);
  closing.push(() => connection.close());
  return connection;
}

const quick = { timeoutMs: 10_000, doing: 'test' };
const at = (server: SshServer, more: Partial<SshTarget> = {}) => loopback(server.port, more);
const logins = ({ log }: SshServer) => log.filter((entry) => entry === 'auth password').length;
const problemOf = (work: Promise<unknown>) =>
  work.then(
    () => ({ code: 'no error', happened: '' }) as const,
    (error: unknown) => problemsOf(error)[0],
  );

test('hosts behind a jump host share one login there, and scripts, files and dialling work through it', async () => {
  const [bastion, inner] = [await start(), await start()];
  const options = runOf([bastion, inner]);
  const jump = at(bastion, { name: 'bastion' });
  const all = await Promise.all(
    Array.from({ length: 12 }, (_, index) => open(at(inner, { name: `web-${index}`, jump }), options)),
  );
  const answers = await Promise.all(
    all.map((connection, index) => connection.execute(sh`echo ${index}`, quick)),
  );
  expect(answers.map(({ stdout }) => stdout)).toEqual(all.map((_, index) => `${index}\n`));
  expect(logins(bastion)).toBe(1);
  expect(bastion.log.filter((entry) => entry === `forward 127.0.0.1:${inner.port}`)).toHaveLength(12);
  // No session there: MaxSessions 0 would do, and no shell is needed.
  expect(bastion.log.filter((entry) => /exec|sftp/.test(entry))).toEqual([]);
});

test('chains go hop by hop, each with the credentials of its own', async () => {
  const outer = await start({
    authenticate: (attempt) => (attempt.username === 'ops' ? attempt.accept() : attempt.reject()),
  });
  const [middle, inner] = [await start(), await start()];
  const first = at(outer, { name: 'outer', user: 'ops', password: new Secret('of the outer', 'x') });
  const second = at(middle, { name: 'middle', jump: first });
  const connection = await open(at(inner, { jump: second }), runOf([outer, middle, inner]));
  expect(await connection.execute(sh`echo here`, quick)).toMatchObject({ stdout: 'here\n' });
  expect(outer.log).toContain(`forward 127.0.0.1:${middle.port}`);
  expect(middle.log).toContain(`forward 127.0.0.1:${inner.port}`);
});

test('the logins to jump hosts end with the run, and with the connection where there is no run', async () => {
  const [bastion, inner] = [await start(), await start()];
  const { jumpHosts: _none, ...alone } = runOf([bastion, inner]);
  const connection = await connect(at(inner, { jump: at(bastion) }), alone);
  await connection.close();
  await expect.poll(() => bastion.connections.size).toBe(0);
});

describe('what goes wrong with a jump host is said of it, once, and is not tried again', () => {
  test('S46, F06: a refused login: one attempt for all hosts behind it', async () => {
    const [bastion, inner] = [await start(), await start()];
    const options = runOf([bastion, inner]);
    const jump = at(bastion, { name: 'bastion', password: new Secret('cnry_wrong', 'password') });
    const problems = await Promise.all(
      ['web-1', 'web-2', 'web-3'].map((name) => problemOf(connect(at(inner, { name, jump }), options))),
    );
    problems.push(await problemOf(connect(at(inner, { name: 'web-4', jump }), options)));
    expect(problems.map(({ code }) => code)).toEqual(['AUTH', 'AUTH', 'AUTH', 'AUTH']);
    expect(problems[3]).toMatchObject({ host: 'web-4', hostState: 'host untouched' });
    expect(problems[3]!.happened).toContain('jump host bastion: ');
    expect(JSON.stringify(problems)).not.toContain('cnry_wrong');
    expect(logins(bastion)).toBe(1);
    expect(inner.log).toEqual([]);
  });

  test('F08: an unknown key of a jump host: nothing is sent to it, nor through it', async () => {
    const [bastion, inner] = [await start(), await start()];
    const problem = await problemOf(
      connect(at(inner, { jump: at(bastion, { name: 'bastion' }) }), runOf([inner])),
    );
    expect(problem.code).toBe('HOSTKEY_UNKNOWN');
    expect(problem.happened).toContain('jump host bastion: ');
    expect(bastion.log).toEqual([]);
  });

  test('F09: a host behind it that shows the key of another is refused all the same', async () => {
    const [bastion, inner, other] = [await start(), await start(), await start()];
    const options = trusting([
      [bastion.port, bastion.hostKey],
      [inner.port, other.hostKey],
    ]);
    const problem = await problemOf(connect(at(inner, { jump: at(bastion) }), options));
    expect(problem.code).toBe('HOSTKEY_CHANGED');
    expect(inner.log).toEqual([]);
  });

  test.each([
    ['F01', 'nothing listens behind it', {}, 'CONN_REFUSED', 'cannot be reached from jump host bastion'],
    [
      'F01',
      'it does not forward',
      { forwarding: false },
      'CONN_REFUSED',
      'jump host bastion does not forward to',
    ],
  ])('%s: %s', async (_row, _name, server, code, happened) => {
    const bastion = await start(server);
    const target = loopback(1, { jump: at(bastion, { name: 'bastion' }) });
    const problem = await problemOf(connect(target, runOf([bastion])));
    expect(problem).toMatchObject({ code, happened: expect.stringContaining(happened) as string });
  });
});

test('F11: when a jump host dies, exactly the hosts behind it are lost, and it is reached again for the next', async () => {
  const [bastion, inner] = [await start(), await start()];
  const options = runOf([bastion, inner]);
  const jump = at(bastion, { name: 'bastion' });
  const behind = await open(at(inner, { name: 'behind', jump }), options);
  const direct = await open(at(inner, { name: 'direct' }), options);
  const work = problemOf(behind.execute(sh`sleep 20`, quick));
  for (const connection of bastion.connections) destroy(connection);
  const problem = await work;
  expect(problem).toMatchObject({ code: 'CONN_LOST', host: 'behind' });
  expect(problem.happened).toContain('jump host bastion was lost');
  expect(await direct.execute(sh`echo alive`, quick)).toMatchObject({ stdout: 'alive\n' });
  const again = await open(at(inner, { name: 'behind', jump }), options);
  expect(await again.execute(sh`echo back`, quick)).toMatchObject({ stdout: 'back\n' });
  expect(logins(bastion)).toBe(2);
});

test('host keys behind a jump host are scanned through it, under the name of their alias', async () => {
  const [bastion, inner] = [await start(), await start()];
  const { jumpHosts } = runOf([bastion]);
  const target = at(inner, { jump: at(bastion), hostKeyAlias: 'inner' });
  const scanned = await scanHostKey(target, { knownHosts: [], connectTimeoutMs: 5000, jumpHosts });
  expect(scanned).toMatchObject({
    status: 'new',
    line: `inner ssh-ed25519 ${inner.hostKey.toString('base64')}`,
  });
  expect(inner.log).toEqual([]);
});
