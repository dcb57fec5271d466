import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engine } from './support/engine.ts';
import { opsPassword } from './support/host-image.ts';
import { startLab, type Lab } from './support/lab.ts';
import { diffSnapshots } from './support/snapshot.ts';
import { loadStandIn } from './support/stand-in-image.ts';
import { startHost, type TestHost } from './support/test-host.ts';
import { openRun, removeRun, sweepDeadRuns } from './support/test-run.ts';

describe('the hosts of a lab', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab({ registry: { user: 'puller', password: 'right & proper', tags: ['v2.8.5'] } });
  });
  afterAll(() => lab.stop());

  it('run systemd without a failed unit, and nothing of the product is on them yet', async () => {
    for (const host of [lab.rancher, lab.lb]) {
      expect((await host.run('systemctl is-system-running')).trim()).toBe('running');
      expect((await host.exec('command -v docker nginx')).output).toBe('');
    }
  });

  it('let root, deploy and ops log in with the key of the run, and show the host key that is announced', async () => {
    expect(statSync(lab.lb.privateKeyPath).mode & 0o777).toBe(0o600);
    expect(await logIn(lab.lb, 'root', 'id -un')).toBe('root');
    expect(await logIn(lab.lb, 'deploy', 'sudo -n id -un')).toBe('root');
    expect(await logIn(lab.lb, 'ops', 'sudo -n id -un')).toContain('password is required');
    expect(await logIn(lab.lb, 'ops', `echo ${opsPassword} | sudo -S -p "" id -un`)).toBe('root');
  });

  it('find each other by name, and are reachable from this machine only', async () => {
    expect(await lab.lb.run('getent hosts rancher')).toContain(lab.rancher.addressInNetwork);
    const { Ports } = (await (await engine()).getContainer(lab.lb.container.getId()).inspect())
      .NetworkSettings;
    const bound = Object.values(Ports).flatMap((bindings) => bindings.map(({ HostIp }) => HostIp));
    expect(new Set(bound)).toEqual(new Set(['127.0.0.1']));
  });

  it('do not move when nothing is done, and show what was', async () => {
    const before = await lab.lb.snapshot();
    expect(diffSnapshots(before, await lab.lb.snapshot())).toEqual([]);
    await lab.lb.run('chmod 600 /etc/hostname; touch -d 2020-01-01 /etc/issue');
    const moved = diffSnapshots(before, await lab.lb.snapshot());
    expect(moved).toEqual([
      expect.stringMatching(/^\/etc\/hostname: mode 644.* -> mode 600/),
      expect.stringMatching(/^\/etc\/issue: .*modified 2020-01-01/),
    ]);
  });

  it('install Docker and NGINX from their distribution, which then run', async () => {
    await lab.rancher.run(
      'apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends docker.io iptables nginx',
    );
    expect((await lab.rancher.run('systemctl is-active docker nginx')).trim()).toBe('active\nactive');
    await lab.rancher.run('systemctl disable --now nginx');
  });

  it('pull Rancher from the private registry with its password only, and run it', async () => {
    const image = `${lab.registry?.address ?? ''}/rancher/rancher:v2.8.5`;
    expect((await lab.rancher.exec(`docker pull ${image}`)).output).toContain('no basic auth credentials');
    await lab.rancher.run(
      `echo 'right & proper' | docker login -u puller --password-stdin ${image.split('/')[0] ?? ''}`,
    );
    await lab.rancher.run(`docker run -d --privileged --restart=unless-stopped -p 80:80 -p 443:443 ${image}`);
    expect(await untilAnswered(lab.lb, 'rancher', '/ping')).toBe('pong');
    expect((await lab.rancher.snapshot()).get(`image ${image}`)).toMatch(/^sha256:/);
  });
});

describe('a single host', () => {
  const hosts: TestHost[] = [];
  const start = async (...options: Parameters<typeof startHost>) => {
    const host = await startHost(...options);
    hosts.push(host);
    return host;
  };
  afterAll(() => Promise.all(hosts.map((host) => host.stop())));

  it('takes images without a registry, also of a Rancher that crashes', async () => {
    const host = await start({ name: 'rancher', software: 'docker' });
    await loadStandIn(host, ['v2.12.3', 'v2.8.5-crash']);
    await host.run('docker run -d --name good --privileged rancher/rancher:v2.12.3');
    await host.run(
      'docker run -d --name bad --privileged --restart=unless-stopped rancher/rancher:v2.8.5-crash',
    );
    await expect.poll(() => host.run(`docker inspect -f '{{.RestartCount}}' bad`), slowly).toMatch(/^[2-9]/);
    expect(await host.run('docker logs good 2>&1')).toContain('Rancher startup complete');
    expect(await host.run(`docker inspect -f '{{.RestartCount}}' good`)).toBe('0\n');
  });

  it('keeps its identity when it restarts, and takes its own settings of sshd', async () => {
    const host = await start({
      name: 'lb',
      software: 'nginx',
      sshdConfig: 'MaxSessions 3',
      users: ['deploy'],
      restarts: true,
    });
    const { hostKeyFingerprint } = host;
    expect(await host.run('sshd -T')).toContain('maxsessions 3\n');
    await expect(logIn(host, 'root', 'true')).rejects.toThrow('authentication methods failed');
    await host.restart();
    expect(host.hostKeyFingerprint).toBe(hostKeyFingerprint);
    expect(await logIn(host, 'deploy', 'systemctl is-active nginx')).toBe('active');
  });
});

describe('what a run leaves behind', () => {
  it('ends itself when its time is over', async () => {
    const host = await startHost({ name: 'short-lived', lifetimeMinutes: 0.1 });
    await expect.poll(() => exists(host), slowly).toBe(false);
  });

  it('is swept when the process of the run is gone, while the hosts of other runs stay', async () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    const dead = openRun(`${pid}-dead`, join(tmpdir(), `provision-test-${pid}-dead`));
    const [orphan, alive] = await Promise.all([
      startHost({ name: 'orphan', run: dead }),
      startHost({ name: 'alive' }),
    ]);
    await sweepDeadRuns();
    expect([await exists(orphan), await exists(alive)]).toEqual([false, true]);
    await removeRun(dead);
    await alive.stop();
    expect(await exists(alive)).toBe(false);
  });
});

const slowly = { timeout: 60_000, interval: 500 };

async function exists(host: TestHost): Promise<boolean> {
  const all = await (await engine()).listContainers({ all: true });
  return all.some(({ Id }) => Id === host.container.getId());
}

/** What a command prints, by SSH as a user would give it; another host key than the announced one is refused. */
function logIn(host: TestHost, username: string, command: string): Promise<string> {
  const client = new ssh2.Client();
  const printed = new Promise<string>((resolve, reject) => {
    client.on('error', reject).on('ready', () => {
      client.exec(command, (problem, channel) => {
        if (problem) return void reject(problem);
        let output = '';
        for (const stream of [channel, channel.stderr])
          stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
        channel.on('close', () => resolve(output.trim()));
      });
    });
  });
  client.connect({
    host: host.address,
    port: host.port,
    username,
    privateKey: readFileSync(host.privateKeyPath),
    hostHash: 'sha256',
    hostVerifier: (hash: string) => {
      const announced = Buffer.from(host.hostKeyFingerprint.replace('SHA256:', ''), 'base64').toString('hex');
      return hash === announced;
    },
    algorithms: { serverHostKey: ['ssh-ed25519'] },
  });
  return printed.finally(() => client.end());
}

/** The body of a page of another host, as soon as it answers. */
async function untilAnswered(host: TestHost, server: string, path: string): Promise<string> {
  const ask = `exec 3<>/dev/tcp/${server}/80; printf 'GET ${path} HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3`;
  let body = '';
  await expect
    .poll(async () => {
      const { output } = await host.exec(`bash -c "${ask}"`);
      body = output.split('\r\n\r\n')[1] ?? '';
      return body;
    }, slowly)
    .not.toBe('');
  return body;
}
