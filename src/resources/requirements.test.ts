import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { LocalShellConnection } from '../../test/support/local-shell-connection.ts';
import { shells } from '../../test/support/shells.ts';
import type { Facts } from '../core/host.ts';
import type { RequirementStep } from '../core/step.ts';
import { MemoryHost } from '../host/memory-host.ts';
import { RemoteHost } from '../host/remote-host.ts';
import {
  architecture,
  cgroups,
  clock,
  cpus,
  diskFree,
  dockerKind,
  kernelModules,
  memory,
  osFamily,
  portsFree,
} from './requirements.ts';

const gb = 1024 * 1024;

describe('by facts', () => {
  const cases: [RequirementStep, Partial<Facts>, 'pass' | 'warn' | 'fail', string][] = [
    [
      osFamily({ families: ['debian', 'ubuntu'] }),
      { os: 'ubuntu', osName: 'Ubuntu 24.04' },
      'pass',
      'Ubuntu 24.04',
    ],
    [osFamily({ families: ['debian'] }), { os: 'mint', osLike: ['debian'], osName: 'Mint' }, 'warn', 'Mint'],
    [osFamily({ families: ['debian'] }), { os: 'unknown', osName: '' }, 'fail', 'unknown'],
    [architecture({ supported: ['x86_64'] }), { architecture: 'x86_64' }, 'pass', 'x86_64'],
    [
      architecture({ supported: ['x86_64'], experimental: ['aarch64'] }),
      { architecture: 'aarch64' },
      'warn',
      'aarch64',
    ],
    [architecture({ supported: ['x86_64'] }), { architecture: 'i686' }, 'fail', 'i686'],
    [cpus({ atLeast: 1, recommended: 2 }), { cpus: 2 }, 'pass', '2 CPUs'],
    [cpus({ atLeast: 1, recommended: 2 }), { cpus: 1 }, 'warn', '1 CPU'],
    [cpus({ atLeast: 2 }), { cpus: 1 }, 'fail', '1 CPU'],
    [memory({ atLeastGb: 4 }), { memoryKb: 3.85 * gb }, 'pass', '3.9 GB of memory'],
    [memory({ atLeastGb: 4 }), { memoryKb: 3.6 * gb }, 'warn', '3.6 GB of memory'],
    [memory({ atLeastGb: 4 }), { memoryKb: 2 * gb }, 'fail', '2.0 GB of memory'],
  ];
  it.each(cases)('$name with %j is a %s: %s', async (step, facts, level, figure) => {
    const verdict = await step.check(new MemoryHost({ facts }));
    expect(verdict).toMatchObject({ level, figure });
    expect(verdict.advice === undefined).toBe(level === 'pass');
  });
});

it.each([
  [300, 'yes\n', 'pass', 'right to the second, synchronised'],
  [300, '\n', 'warn', 'right to the second, not known to be synchronised'],
  [-7000, 'Leap status     : Normal\n', 'warn', '7.0 s behind, synchronised'],
  [61_000, 'yes\n', 'fail', '61.0 s ahead, synchronised'],
])('a clock that is off by %d ms (%j) is a %s', async (clockSkewMs, stdout, level, figure) => {
  const host = new MemoryHost({ facts: { clockSkewMs } }).answer('timedatectl', stdout);
  expect(await clock().check(host)).toMatchObject({ level, figure });
});

describe('disks', () => {
  const step = diskFree({ paths: ['/var/lib/docker', '/opt/x'], warnBelowGb: 20, failBelowGb: 10 });
  it.each([
    [[`/dev/sda1 99 9 ${80 * gb} 20% /`, `/dev/sda1 99 9 ${80 * gb} 20% /`], 'pass', '80.0 GB free on /'],
    [
      [`/dev/sda1 99 9 ${80 * gb}  20% /`, `//nas/a b 99 9 ${15 * gb} - /opt`],
      'warn',
      '80.0 GB free on /, 15.0 GB free on /opt',
    ],
    [[`/dev/sda1 99 9 ${5 * gb} 100% /`], 'fail', '5.0 GB free on /'],
    [[], 'warn', 'unknown'],
  ])('with %j are a %s', async (lines, level, figure) => {
    const header = 'Filesystem     1024-blocks     Used Available Capacity Mounted on';
    const stdout = [header, ...lines, ''].join('\n');
    expect(await step.check(new MemoryHost().answer('df -Pk', stdout))).toMatchObject({ level, figure });
  });
});

it.each([
  ['overlay there\nip_tables loadable\n', 'pass', '1 of 2 in use, ip_tables can be loaded'],
  ['overlay there\nip_tables unknown\n', 'warn', 'unknown: ip_tables'],
  ['overlay unknown\nip_tables missing\n', 'fail', 'missing: ip_tables'],
  ['', 'warn', 'unknown: overlay, ip_tables'],
])('kernel modules with %j are a %s', async (stdout, level, figure) => {
  const host = new MemoryHost().answer('modprobe', stdout);
  expect(await kernelModules(['overlay', 'ip_tables']).check(host)).toMatchObject({ level, figure });
});

it.each([
  ['v2 cpu io memory pids\n', {}, 'pass', 'cgroup v2'],
  ['v2 cpu io\n', {}, 'fail', 'cgroup v2 without the memory controller'],
  ['v1 memory\n', {}, 'pass', 'cgroup v1'],
  ['v1 memory\n', { v1: 'warn' }, 'warn', 'cgroup v1'],
  ['v2 memory\n', { v2: 'fail' }, 'fail', 'cgroup v2'],
  ['', {}, 'fail', 'cgroup v1 without the memory controller'],
] as const)('control groups with %j and %j are a %s', async (stdout, rules, level, figure) => {
  const host = new MemoryHost().answer('/sys/fs/cgroup', stdout);
  expect(await cgroups(rules).check(host)).toMatchObject({ level, figure });
});

describe('F37: ports', () => {
  const nginx = 'LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:(("nginx",pid=7,fd=6),("nginx",pid=8,fd=6))';
  const proxy = 'LISTEN 0 4096 [::]:443 [::]:* users:(("docker-proxy",pid=9,fd=4))';
  const ours = { port: 443, ownContainer: 'com.example.name=web' };

  it('that nobody holds are free, whatever other ports are', async () => {
    const host = new MemoryHost().answer('ss -Hltnp', `${nginx}\nLISTEN 0 1 127.0.0.1:8080 0.0.0.0:*\n`);
    expect(await portsFree([{ port: 443 }]).check(host)).toEqual({ level: 'pass', figure: 'free' });
  });

  it('may be held by whom they are for', async () => {
    const host = new MemoryHost().answer('ss -Hltnp', nginx);
    const figure = 'held as wanted: 80 by nginx';
    expect(await portsFree([{ port: 80, ownedBy: ['nginx'] }]).check(host)).toEqual({
      level: 'pass',
      figure,
    });
    expect(await portsFree([{ port: 80, ownedBy: ['caddy'] }]).check(host)).toMatchObject({
      level: 'fail',
      figure: 'held: 80 by nginx',
    });
  });

  it('of containers count as own only when the container bears the label', async () => {
    const host = new MemoryHost().answer('ss -Hltnp', proxy);
    for (const ports of ['0.0.0.0:443->8443/tcp, :::443->8443/tcp', '9000/tcp, [::]:440-445->440-445/tcp']) {
      host.answer('label=com.example.name=web', `${ports}\n`);
      expect(await portsFree([ours]).check(host)).toMatchObject({ level: 'pass' });
    }
    host.answer('docker ps', '443/tcp, 0.0.0.0:443->443/udp, 0.0.0.0:4430->443/tcp\n');
    expect(await portsFree([ours]).check(host)).toMatchObject({
      level: 'fail',
      figure: 'held: 443 by docker-proxy',
    });
  });

  it('are found without ss too, but then without names', async () => {
    const line =
      '   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1';
    const host = new MemoryHost().answer('ss -Hltnp', `  sl  local_address\n${line}\n`);
    const verdict = await portsFree([{ port: 80, ownedBy: ['nginx'] }]).check(host);
    expect(verdict).toMatchObject({ level: 'fail', figure: 'held: 80 by a process that could not be named' });
  });
});

it.each([
  ['', 'pass', 'none yet'],
  [
    'program=/usr/bin/docker\nclient=Docker version 26\nserver=26.1.5 [name=seccomp]\n',
    'pass',
    'Docker 26.1.5',
  ],
  [
    'program=/usr/bin/docker\nclient=Docker version 26\nserver=\n',
    'pass',
    'Docker is installed and does not run',
  ],
  ['program=/usr/bin/docker\nclient=podman version 4.3\nserver=\n', 'fail', 'Podman in the place of Docker'],
  ['program=/snap/docker/1/bin/docker\nclient=Docker\nserver=\n', 'fail', 'Docker as a snap'],
  ['program=/usr/bin/docker\nserver=26.1.5 [name=seccomp name=rootless]\n', 'fail', 'a rootless Docker'],
])('Docker with %j is a %s: %s', async (stdout, level, figure) => {
  expect(await dockerKind().check(new MemoryHost().answer('command -v docker', stdout))).toMatchObject({
    level,
    figure,
  });
});

describe.each(shells)('on this machine through $name', ({ options }) => {
  const host = new RemoteHost({
    ...{ name: 'here', address: '127.0.0.1', connection: new LocalShellConnection(options) },
    ...{ progress: () => undefined, clock: Date.now },
  });

  it('figures are found', async () => {
    const disk = diskFree({ paths: ['/no/such/folder', '/tmp'], warnBelowGb: 0, failBelowGb: 0 });
    expect((await disk.check(host)).figure).toMatch(/^\d+\.\d GB free on \//);
    expect((await cgroups().check(host)).figure).toMatch(/^cgroup v[12]/);
    expect((await clock().check(host)).figure).toMatch(/^right to the second|^1\.\d s/);
    expect((await kernelModules(['overlay', 'no_such_module']).check(host)).figure).toMatch(
      /no_such_module$/,
    );
    expect((await dockerKind().check(host)).figure).not.toBe('');
  });

  it('F37: a port that is held is seen', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const verdict = await portsFree([{ port }]).check(host);
    server.close();
    expect(verdict.level).toBe('fail');
    expect(verdict.figure).toMatch(new RegExp(`^held: ${port} by `));
  });
});
