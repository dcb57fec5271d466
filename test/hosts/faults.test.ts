import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { FaultProxy, Greeting } from 'provision/testing';
import { startFaultProxy, startSshServer } from 'provision/testing';
import { entryOf, Job, problemsOn } from './faults/job.ts';
import { startHost, type TestHost } from './support/test-host.ts';

/* What a user sees of a fault, through the real command line and a real sshd, and that the next run ends well. */

const program = fileURLToPath(new URL('../../dist/provision.js', import.meta.url));
const one = new Job(`file({ path: '/srv/app.conf', content: 'new\\n' })`);

let host: TestHost;
let other: TestHost;
const closing: (() => unknown)[] = [];
beforeAll(async () => {
  [host, other] = await Promise.all([startHost({ name: 'web-1' }), startHost({ name: 'web-2' })]);
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => Promise.all([host.stop(), other.stop()]));

const content = async (path: string, of = host) => (await of.exec(`cat ${path} 2>/dev/null`)).output;
const proxied = async (): Promise<FaultProxy> => {
  const proxy = await startFaultProxy(host.port);
  closing.push(() => proxy.close());
  return proxy;
};
/** Nothing of ours is left beside a file, whatever happened to it. */
const alone = async (folder: string) => (await host.run(`ls -A ${folder}`)).trim().split('\n');

describe('a host that cannot be reached', () => {
  /** The bad one is untouched and said to be so, the good one is done, and all is well once the fault is gone. */
  async function expectUnreachable(bad: number, code: string, message: RegExp): Promise<void> {
    await Promise.all([host, other].map((each) => each.run('rm -f /srv/app.conf')));
    const result = await one.run({ 'web-1': entryOf(host, bad), 'web-2': entryOf(other) });
    expect(result.exit).toBe(4);
    const [problem, ...rest] = problemsOn(result, 'web-1');
    expect(rest).toEqual([]);
    expect(problem).toMatchObject({ code, host: 'web-1' });
    expect(problem!.happened).toMatch(message);
    expect(problem!.remedy).toMatch(/./);
    expect(result.statuses).toContain('web-2 file /srv/app.conf: changed');
    expect([await content('/srv/app.conf'), await content('/srv/app.conf', other)]).toEqual(['', 'new\n']);
    await one.converges({ 'web-1': entryOf(host), 'web-2': entryOf(other) });
  }

  test('F01: nothing listens on the port', async () => {
    const proxy = await proxied();
    proxy.fault = { kind: 'refuse' };
    await expectUnreachable(proxy.port, 'CONN_REFUSED', /refused the connection/);
  });

  test('F01: nothing listens at first, and then something does', async () => {
    await host.run('rm -f /srv/app.conf');
    const proxy = await proxied();
    proxy.fault = { kind: 'refuse' };
    const running = one.run({ 'web-1': entryOf(host, proxy.port) });
    setTimeout(() => (proxy.fault = { kind: 'none' }), 700);
    expect((await running).exit).toBe(0);
    await one.converges({ 'web-1': entryOf(host) });
  });

  test('F02: the host answers nothing at all', async () => {
    const proxy = await proxied();
    proxy.fault = { kind: 'blackhole', afterBytes: 0 };
    await expectUnreachable(proxy.port, 'CONN_TIMEOUT', /accepts connections b/);
  });

  test.each<[Greeting, string, RegExp]>([
    ['http', 'NOT_SSH', /HTTP\/1\.1 400/],
    ['garbage', 'NOT_SSH', /SSH/],
    ['long-line', 'NOT_SSH', /xxxx/],
    ['endless-lines', 'NOT_SSH', /welcome/],
  ])('F04: something else than SSH answers: %s', async (greeting, code, message) => {
    const server = await startSshServer({ greeting });
    closing.push(() => server.close());
    await expectUnreachable(server.port, code, message);
  });
});

describe('a disk that does not take a file', () => {
  const folder = '/srv/small';
  const job = (bytes: number) =>
    new Job(`file({ path: '${folder}/app.conf', content: 'n'.repeat(${bytes}) })`);

  test.each<[string, string, string, number, string, RegExp]>([
    [
      'F21: the disk is too small',
      'mount -t tmpfs -o size=256k small',
      '',
      400_000,
      'DISK_FULL',
      /free|space/i,
    ],
    [
      'F21: somebody else has filled the disk',
      'mount -t tmpfs -o size=4m small',
      'head -c 4000000 /dev/zero >filler; true',
      400_000,
      'DISK_FULL',
      /free|space/i,
    ],
    [
      'F21: not one byte is free',
      'mount -t tmpfs -o size=64k small',
      'cat /dev/zero >filler; true',
      10_000,
      'DISK_FULL',
      /free|space/i,
    ],
    [
      'F22: no inode is free',
      'mount -t tmpfs -o size=4m,nr_inodes=16 small',
      'touch $(seq -f filler-%g 20) 2>/dev/null; true',
      1000,
      'DISK_FULL',
      /inode|space/i,
    ],
    [
      'F23: the file system is read-only',
      'mount -t tmpfs -o size=4m small',
      'mount -o remount,ro .',
      1000,
      'READ_ONLY',
      /[Rr]ead-only/,
    ],
  ])('%s', async (_name, mount, fill, bytes, code, message) => {
    await host.run(`mkdir -p ${folder}; ${mount} ${folder}; cd ${folder}; echo old >app.conf; ${fill}`);
    closing.push(() => host.run(`umount ${folder}`));
    const before = await alone(folder);
    const result = await job(bytes).run({ 'web-1': entryOf(host) });
    expect(result.exit).toBe(2);
    const [problem] = problemsOn(result, 'web-1');
    expect(problem).toMatchObject({ code, host: 'web-1' });
    expect(`${problem!.happened} ${problem!.remedy ?? ''} ${problem!.detail ?? ''}`).toMatch(message);
    expect(await content(`${folder}/app.conf`)).toBe('old\n');
    expect(await alone(folder)).toEqual(before);
    await host.run(`mount -o remount,rw,size=16m,nr_inodes=1k ${folder}; rm -f ${folder}/filler*`);
    await job(bytes).converges({ 'web-1': entryOf(host) });
  });

  test('F23: the file cannot be changed, not even by root', async (context) => {
    await host.run('mkdir -p /srv/fixed; echo old >/srv/fixed/app.conf');
    const { code } = await host.exec('chattr +i /srv/fixed/app.conf');
    if (code !== 0) context.skip('the file system of containers here has no such attribute');
    closing.push(() => host.run('chattr -i /srv/fixed/app.conf'));
    const fixed = new Job(`file({ path: '/srv/fixed/app.conf', content: 'new\\n' })`);
    const result = await fixed.run({ 'web-1': entryOf(host) });
    expect(result.exit).toBe(2);
    expect(problemsOn(result, 'web-1')[0]).toMatchObject({ code: 'READ_ONLY' });
    expect(await alone('/srv/fixed')).toEqual(['app.conf']);
    expect(await content('/srv/fixed/app.conf')).toBe('old\n');
    await host.run('chattr -i /srv/fixed/app.conf');
    await fixed.converges({ 'web-1': entryOf(host) });
  });
});

describe('trouble of this machine', () => {
  /** Runs the command line in a shell line that sets the trouble up. */
  async function shell(line: string): Promise<{ code: number | null; stderr: string }> {
    const inventory = one.inventory({ 'web-1': entryOf(host) });
    const command = `${process.execPath} ${program} ${one.playbook} -i ${inventory}`;
    const child = spawn('bash', ['-c', line.replace('PROVISION', command)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, stderr };
  }

  test.each<[string, string, number, string]>([
    ['the result cannot be written', 'PROVISION --output jsonl >/dev/full', 1, 'new\n'],
    ['the reader of the output goes away', 'PROVISION -vv | true; exit ${PIPESTATUS[0]}', 0, 'new\n'],
    ['there is no standard input', 'PROVISION <&-', 0, 'new\n'],
    ['standard output is closed', 'PROVISION --output jsonl >&-', 0, 'new\n'],
    ['few files may be open', 'ulimit -n 64; PROVISION', 0, 'new\n'],
    [
      'the folder for caches cannot be written',
      'HOME=/dev/null XDG_CACHE_HOME=/dev/null/cache PROVISION',
      0,
      'new\n',
    ],
    ['there is no room for temporary files', 'TMPDIR=/nowhere PROVISION', 0, 'new\n'],
  ])('F29: %s', async (_name, line, exit, result) => {
    await host.run('rm -f /srv/app.conf');
    const { code, stderr } = await shell(line);
    expect({ code, stderr }).toMatchObject({ code: exit });
    expect(stderr).not.toMatch(/\bat .*\.js:\d+|BUG/);
    expect(await content('/srv/app.conf')).toBe(result);
    await one.converges({ 'web-1': entryOf(host) });
  });
});

describe('a signal', () => {
  const slow = new Job(
    `resource({ kind: 'slow', want: () => ({ there: true }), id: () => 'step',
       async read(host) { return (await host.probe(sh\`test -e /srv/slow\`)).code === 0 ? { there: true } : undefined; },
       async apply(host) { await host.run(sh\`sleep 1; : >/srv/slow\`, { doing: 'being slow' }); } })({}),
     file({ path: '/srv/app.conf', content: 'new\\n' })`,
  );

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('F27: %s ends the run after the step that is under way', async (signal, exit) => {
    await host.run('rm -f /srv/slow /srv/app.conf');
    const result = await slow.run({ 'web-1': entryOf(host) }, [], {
      onEvent(event, stop) {
        if (event.event === 'step-start' && event.step === 'slow step') stop(signal);
      },
    });
    expect(result.exit).toBe(exit);
    expect(result.summary!.exit).toBe(exit);
    expect(result.statuses).toContain('web-1 slow step: changed');
    expect(result.statuses).toContain('web-1 file /srv/app.conf: skipped');
    expect(await content('/srv/app.conf')).toBe('');
    await slow.converges({ 'web-1': entryOf(host) });
  });

  test('F27: the second one ends the run at once, and the next run converges', async () => {
    await host.run('rm -f /srv/slow /srv/app.conf');
    const result = await slow.run({ 'web-1': entryOf(host) }, [], {
      onEvent(event, stop) {
        if (event.event !== 'step-start' || event.step !== 'slow step') return;
        stop('SIGINT');
        setTimeout(() => stop('SIGINT'), 200);
      },
    });
    expect(result.exit).toBe(130);
    expect(result.statuses).not.toContain('web-1 file /srv/app.conf: changed');
    await slow.converges({ 'web-1': entryOf(host) });
  });
});

describe('a host that is not what it should be', () => {
  const job = (steps: string) => new Job(`${steps}, file({ path: '/srv/app.conf', content: 'new\\n' })`);
  /** The requirement is not met, which is told before anything is changed. */
  async function expectRefused(steps: string, args: string[], env: Record<string, string>, message: RegExp) {
    await host.run('rm -f /srv/app.conf');
    const result = await job(steps).run({ 'web-1': entryOf(host) }, args, { env });
    expect(result.exit).toBe(2);
    const [problem] = problemsOn(result, 'web-1');
    expect(problem).toMatchObject({ code: expect.stringMatching(/REQUIREMENT|UNSUPPORTED/) as string });
    expect(problem!.happened).toMatch(message);
    expect(await content('/srv/app.conf')).toBe('');
  }

  test.each([
    ['Alpine', 'ID=alpine\nPRETTY_NAME="Alpine Linux v3.20"'],
    ['Rocky Linux', 'ID=rocky\nID_LIKE="rhel centos fedora"\nPRETTY_NAME="Rocky Linux 9.4"'],
    ['one without a name', ''],
  ])('F55: another operating system: %s', async (_name, release) => {
    await host.run('cp --remove-destination $(readlink -f /etc/os-release) /tmp/os-release');
    await host.run(`rm /etc/os-release; printf '%s\\n' '${release}' >/etc/os-release`);
    closing.push(() => host.run('cp /tmp/os-release /etc/os-release'));
    const steps = `osFamily({ families: ['debian', 'ubuntu'] })`;
    await expectRefused(steps, [], {}, /Alpine Linux v3\.20|Rocky Linux 9\.4|unknown/);
    await host.run('cp /tmp/os-release /etc/os-release');
    await job(steps).converges({ 'web-1': entryOf(host) });
  });

  test('F37: a port that another process holds is not taken from it', async () => {
    await host.run(
      `systemd-run -q --unit=squatter perl -MIO::Socket::INET -e 'our @s = IO::Socket::INET->new(LocalPort=>8099,Listen=>1,ReuseAddr=>1) or die; sleep 600'`,
    );
    closing.push(() => host.exec('systemctl stop squatter'));
    await expect
      .poll(async () => (await host.exec('ss -Htln sport = :8099')).output, { timeout: 20_000 })
      .not.toBe('');
    await expectRefused('portsFree([{ port: 8099 }])', [], {}, /8099 by perl/);
    expect((await host.run('systemctl is-active squatter')).trim()).toBe('active');
    await host.run('systemctl stop squatter');
    await job('portsFree([{ port: 8099 }])').converges({ 'web-1': entryOf(host) });
  });

  test.each([
    ['behind', 3 * 3_600_000, /1080\d\.\d s behind/],
    ['ahead of', -3 * 3_600_000, /1080\d\.\d s ahead/],
  ])('F34: a clock that is three hours %s this one', async (_name, shift, message) => {
    // Only the difference counts, and the clock of a container is the one of the machine.
    const skewed = `const now = Date.now; Date.now = () => now() + ${shift};`;
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(skewed)}` };
    await expectRefused('clock()', [], env, message);
    await job('clock()').converges({ 'web-1': entryOf(host) });
  });
});

describe('packages', () => {
  /** A repository on the host's own disk with one package, whose parts the test may spoil. */
  const repository = (spoil = '') => `
set -e
rm -rf /srv/repo /tmp/pkg; mkdir -p /srv/repo /tmp/pkg/DEBIAN /tmp/pkg/etc; cd /srv/repo
echo packaged >/tmp/pkg/etc/provision-demo.conf
echo /etc/provision-demo.conf >/tmp/pkg/DEBIAN/conffiles
printf 'Package: provision-demo\\nVersion: 1.0\\nArchitecture: all\\nMaintainer: nobody <nobody@example.test>\\nDescription: a test\\n' >/tmp/pkg/DEBIAN/control
cat >/tmp/pkg/DEBIAN/postinst <<'END'
#!/bin/sh
[ "$DEBIAN_FRONTEND" = noninteractive ] || read answer
END
chmod 755 /tmp/pkg/DEBIAN/postinst
dpkg-deb -b /tmp/pkg demo.deb >/dev/null
{ cat /tmp/pkg/DEBIAN/control; echo "Filename: ./demo.deb"; echo "Size: $(stat -c %s demo.deb)"; echo "SHA256: $(sha256sum demo.deb | cut -d' ' -f1)"; } >Packages
echo 'deb [trusted=yes] file:/srv/repo ./' >/etc/apt/sources.list.d/demo.list
date=$(date -Ru)
${spoil}
printf 'Date: %s\\nSHA256:\\n %s %s Packages\\n' "$date" "$(sha256sum Packages | cut -d' ' -f1)" "$(stat -c %s Packages)" >Release
rm -rf /var/lib/apt/lists/_srv_repo*`;
  const job = new Job(`pkg({ name: 'provision-demo' })`);

  beforeAll(async () => {
    // The other sources lead to the network, which these tests are not about.
    await host.run(
      'mkdir -p /etc/apt/aside; mv /etc/apt/sources.list* /etc/apt/aside/; mkdir /etc/apt/sources.list.d',
    );
  });
  afterEach(() => host.exec('apt-get -qq purge -y provision-demo; rm -f /etc/provision-demo.conf'));

  test.each<[string, string, RegExp]>([
    ['F33: a package that is not there', 'rm demo.deb', /provision-demo/],
    ['F33: a package with another content', 'echo x >>demo.deb', /provision-demo/],
    ['F33: a list with another content', '', /Hash Sum mismatch/],
    ['F34: a repository that is not valid yet', 'date=$(date -Ru -d "+3 days")', /not valid yet/],
  ])('%s', async (name, spoil, message) => {
    await host.run(repository(spoil));
    if (name.includes('a list')) await host.run('echo "Package: x" >>/srv/repo/Packages');
    const result = await job.run({ 'web-1': entryOf(host) });
    expect(result.exit).toBe(2);
    const [problem] = problemsOn(result, 'web-1');
    expect(problem).toMatchObject({ code: 'PACKAGE' });
    expect(problem!.happened).toMatch(message);
    expect((await host.run('dpkg --audit')).trim()).toBe('');
    expect((await host.exec('dpkg-query -W provision-demo')).code).not.toBe(0);
    await host.run(repository());
    await job.converges({ 'web-1': entryOf(host) });
  });

  test('F33: a package that asks, and whose configuration somebody wrote before it', async () => {
    await host.run(`${repository()}\necho mine >/etc/provision-demo.conf`);
    await job.converges({ 'web-1': entryOf(host) });
    expect(await content('/etc/provision-demo.conf')).toBe('mine\n');
    expect((await host.run('dpkg --audit')).trim()).toBe('');
  });
});

describe('hosts and inventories', () => {
  test('F57: one of two hosts fails: the other one is done, and the next run does the rest', async () => {
    await Promise.all([host, other].map((each) => each.run('rm -rf /srv/app.conf')));
    await host.run('mkdir /srv/app.conf; : >/srv/app.conf/x');
    const both = { 'web-1': entryOf(host), 'web-2': entryOf(other) };
    const result = await one.run(both);
    expect(result.exit).toBe(result.summary!.exit);
    expect(result.exit).not.toBe(0);
    expect(problemsOn(result, 'web-1')).toHaveLength(1);
    expect(result.statuses).toContain('web-2 file /srv/app.conf: changed');
    expect(await host.run('ls /srv/app.conf')).toBe('x\n');
    await host.run('rm -rf /srv/app.conf');
    await one.converges(both);
  });

  test('F57: one fails and one cannot be reached: 6', async () => {
    await host.run('rm -rf /srv/app.conf; mkdir /srv/app.conf; : >/srv/app.conf/x');
    const broken = new Job(
      `resource({ kind: 'broken', want: () => ({ there: true }), id: () => 'step', async read() { return undefined; },
         async apply(host) { await host.run(sh\`exit 3\`, { doing: 'breaking' }); } })({})`,
    );
    const proxy = await proxied();
    proxy.fault = { kind: 'refuse' };
    const result = await broken.run({ 'web-1': entryOf(host), 'web-2': entryOf(other, proxy.port) });
    expect(result.exit).toBe(6);
    expect(problemsOn(result, 'web-1')[0]).toMatchObject({ code: 'COMMAND_FAILED' });
    expect(problemsOn(result, 'web-2')[0]).toMatchObject({ code: 'CONN_REFUSED' });
    await host.run('rm -rf /srv/app.conf');
    await one.converges({ 'web-1': entryOf(host), 'web-2': entryOf(other) });
  });
});
