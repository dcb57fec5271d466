import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { certificateFiles } from './support/certificates.ts';
import { labInventory } from './support/lab-inventory.ts';
import { startLab, type Lab } from './support/lab.ts';
import { failuresOf, folderWith, provision } from './support/provision.ts';
import { loadStandIn } from './support/stand-in-image.ts';
import { Terminal } from './support/terminal.ts';
import { startHost, type TestHost } from './support/test-host.ts';
import { throughBalancer } from './support/through-balancer.ts';

const hostname = 'rancher.options.test';

describe('option B and the whole nginx.conf, by a user who needs sudo, on other ports', () => {
  const certificates = certificateFiles(hostname);
  // The root is in the chain: no public CA has signed it, so provision warns, and cannot know better.
  const folder = folderWith({
    ...certificates,
    'chain.pem': certificates['chain.pem'] + certificates['ca.pem'],
  });
  // What a company does that has its CA in the trust store of its machines.
  const env = { NODE_EXTRA_CA_CERTS: folder.file('ca.pem') };
  let lab: Lab;
  let stranger: TestHost;
  let inventory: string;

  beforeAll(async () => {
    lab = await startLab({
      rancher: { software: 'docker', restarts: true },
      lb: { software: 'nginx', ports: [8443, 8080] },
    });
    stranger = await startHost({ name: 'stranger', network: lab.network });
    await loadStandIn(lab.rancher, ['v2.4.18']);
    inventory = folder.file('inventory.yaml');
    const text = labInventory(lab, {
      hostname,
      user: 'deploy',
      certificate: '{ option: recognised-ca, chain: chain.pem, key: key.pem }',
      rancher:
        '    image: rancher/rancher:v2.4.18\n    http_port: 8080\n    https_port: 8444\n    reachable_from: balancers',
      lb: '    nginx_layout: whole\n    http_port: 8080\n    https_port: 8443',
    });
    writeFileSync(inventory, text);
  });
  afterAll(async () => {
    await stranger.stop();
    await lab.stop();
  });

  /** Whether a host gets an answer from a port of the Rancher host. */
  const reaches = async (from: TestHost, port: number): Promise<boolean> => {
    const { addressInNetwork } = lab.rancher;
    const { code } = await from.exec(`timeout 2 bash -c '</dev/tcp/${addressInNetwork}/${port}'`);
    return code === 0;
  };

  test('serve Rancher, which is told that its CA is a recognised one', async () => {
    const result = await provision(['-i', inventory], { env });
    expect({ exit: result.exit, failures: failuresOf(result) }).toMatchObject({ exit: 0 });
    const ca = certificates['ca.pem'];
    const authority = `${hostname}:8443`;
    const through = (path: string) =>
      throughBalancer(lab.lb, { hostname, path, ca, port: 8443, headers: { Host: authority } });
    expect(await through('/ping')).toMatchObject({ status: 200, body: 'pong' });
    expect(JSON.parse((await through('/v3/settings/cacerts')).body)).toMatchObject({ value: '' });
    const args = await lab.rancher.run(
      "docker inspect -f '{{json .Args}} {{.HostConfig.Privileged}}' rancher",
    );
    expect(args).toContain('--no-cacerts');
    expect(args).toContain('false');
    expect(await lab.lb.run('cat /etc/nginx/nginx.conf')).toContain('listen 8443 ssl http2;');
  });

  test('the second run changes nothing', async () => {
    const result = await provision(['-i', inventory, '--check', '--detailed-exitcode'], { env });
    expect({ exit: result.exit, failures: failuresOf(result) }).toMatchObject({ exit: 0 });
  });

  test('S42: the balancer reaches the ports of Rancher, nobody else does, also after a restart of Docker', async () => {
    const who = async () => [
      await reaches(lab.lb, 8080),
      await reaches(stranger, 8080),
      await reaches(stranger, 8444),
    ];
    expect(await who()).toEqual([true, false, false]);
    expect(
      await lab.rancher.run(
        'curl -s 127.0.0.1:8080/ping || bash -c "exec 3<>/dev/tcp/127.0.0.1/8080; echo pong"',
      ),
    ).toContain('pong');
    await lab.rancher.run('systemctl restart docker');
    await expect.poll(() => reaches(lab.lb, 8080), { timeout: 60_000 }).toBe(true);
    expect(await who()).toEqual([true, false, false]);
    // Rules that somebody flushed are drift like any other.
    await lab.rancher.run('iptables -F PROVISION-RANCHER && iptables -D DOCKER-USER 1');
    const repaired = await provision(['-i', inventory], { env });
    expect(repaired.statuses.filter((status) => status.endsWith('changed'))).toEqual([
      'rancher-1 firewall ports of rancher: changed',
    ]);
    expect(await who()).toEqual([true, false, false]);
  });

  test('what was changed by hand is repaired', async () => {
    await lab.lb.run(`chmod 644 /etc/nginx/certificates/${hostname}/privkey.pem`);
    await lab.rancher.run('docker stop rancher');
    const result = await provision(['-i', inventory], { env });
    expect(result.exit).toBe(0);
    expect(result.statuses.filter((status) => status.endsWith('changed'))).toEqual([
      'rancher-1 container rancher: changed',
      'lb-1 file-set nginx: changed',
    ]);
    expect(await lab.lb.run(`stat -c %a /etc/nginx/certificates/${hostname}/privkey.pem`)).toBe('600\n');
  });

  test('F27: an interrupt stops after the step that is under way, and the next run goes on from there', async () => {
    await lab.rancher.run('docker rm -f rancher');
    const interrupted = await provision(['-i', inventory], {
      env,
      onEvent(event, stop) {
        if (event.event === 'step-start' && event.step === 'container rancher') stop();
      },
    });
    expect(interrupted.exit).toBe(130);
    expect(interrupted.summary!.exit).toBe(130);
    expect(interrupted.statuses).toContain('rancher-1 container rancher: changed');
    const later = interrupted.steps.filter((step) => step.reason?.startsWith('interrupted') === true);
    expect(later.map((step) => step.step)).toContain('package nginx');
    expect((await provision(['-i', inventory], { env })).exit).toBe(0);
  });

  test('S42: the ports are as closed after the host was restarted', async () => {
    await lab.rancher.restart();
    await expect.poll(() => reaches(lab.lb, 8080), { timeout: 60_000 }).toBe(true);
    expect([await reaches(stranger, 8080), await reaches(stranger, 8444)]).toEqual([false, false]);
  });
});

describe('option C, asked for at a terminal', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await startLab({ rancher: { software: 'docker' }, lb: { software: 'nginx' } });
    await loadStandIn(lab.rancher, ['v2.12.3']);
  });
  afterAll(() => lab.stop());

  test('makes a private CA beside the inventory, is written back, shows the plan and applies it after a yes', async () => {
    const folder = folderWith({});
    const inventory = folder.file('inventory.yaml');
    const before = labInventory(lab, {
      hostname,
      rancher: '    image: rancher/rancher:v2.12.3\n    audit: metadata',
    });
    writeFileSync(inventory, before);

    const noTerminal = await provision(['-i', inventory]);
    expect(noTerminal.exit).toBe(3);
    expect(noTerminal.stderr).toContain('NEED_INPUT');
    expect(noTerminal.stderr).toContain('option: private-ca');

    // Hosts can be looked at before the last question is answered; without a yes nothing is stored.
    const trusted = await provision(['trust', '-i', inventory]);
    expect(trusted.stdout).toContain(lab.rancher.hostKeyFingerprint);

    const session = new Terminal(['-i', inventory]);
    await session.sees('Which certificate does the load balancer show?');
    session.type('\u001b[B\u001b[B\r');
    await session.sees('so that they are not asked again?');
    session.type('y\r');
    await session.sees('Apply this?');
    expect(session.screen).toContain('container rancher');
    session.type('y\r');
    expect(await session.ended()).toBe(0);
    expect(session.screen).toContain(`https://${hostname}`);

    const after = readFileSync(inventory, 'utf8');
    expect(after).toContain('option: private-ca');
    expect(after.split('\n')).toEqual(expect.arrayContaining(before.split('\n')));
    expect(statSync(folder.file('private-ca/key.pem')).mode & 0o777).toBe(0o600);
    const ca = readFileSync(folder.file('private-ca/ca.pem'), 'utf8');
    expect((await throughBalancer(lab.lb, { hostname, path: '/ping', ca })).body).toBe('pong');

    const second = await provision(['-i', inventory]);
    expect(second.exit).toBe(0);
    expect(second.statuses.filter((status) => status.endsWith('changed'))).toEqual([]);
  });
});
