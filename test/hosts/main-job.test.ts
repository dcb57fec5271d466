import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { certificateFiles } from './support/certificates.ts';
import { labInventory } from './support/lab-inventory.ts';
import { startLab, type Lab } from './support/lab.ts';
import { failuresOf, folderWith, provision } from './support/provision.ts';
import { diffSnapshots } from './support/snapshot.ts';
import { throughBalancer } from './support/through-balancer.ts';

/*
 * The main job from two bare hosts on: own CA, an air gap with a registry that asks for a login, auditing. The tests build
 * on each other in their order, as the days of an installation do.
 */
const hostname = 'rancher.example.test';
const login = { user: 'puller', password: 'canary-of-the-registry' };

let lab: Lab;
let certificates: ReturnType<typeof certificateFiles>;
let folder: ReturnType<typeof folderWith>;

function inventory(options: { image?: string; lb?: string; certificate?: string } = {}): string {
  const { image = 'v2.8.5', certificate = '{ option: own-ca, chain: chain.pem, key: key.pem, ca: ca.pem }' } =
    options;
  const rancher = `    image: rancher/rancher:${image}
    registry: { url: 'registry:5000', username: ${login.user}, password: { file: registry-password } }
    audit: request
    ready_timeout: 60`;
  const text = labInventory(lab, {
    hostname,
    certificate,
    rancher,
    ...(options.lb !== undefined && { lb: options.lb }),
  });
  const file = folder.file('inventory.yaml');
  writeFileSync(file, text);
  return file;
}

const snapshots = () =>
  Promise.all([lab.rancher.snapshot(['/opt', '/usr/bin']), lab.lb.snapshot(['/usr/sbin'])]);

beforeAll(async () => {
  certificates = certificateFiles(hostname);
  folder = folderWith({ ...certificates, 'registry-password': login.password });
  lab = await startLab({ registry: { ...login, tags: ['v2.8.5', 'v2.8.6-crash'] } });
});
afterAll(() => lab.stop());

test('a check of bare hosts shows the whole plan and changes nothing', async () => {
  const before = await snapshots();
  const result = await provision(['-i', inventory(), '--check', '--detailed-exitcode']);
  expect(failuresOf(result)).not.toMatch(/_|BUG/);
  expect(result.exit).toBe(20);
  expect(result.statuses).toEqual(
    expect.arrayContaining([
      'rancher-1 docker engine distribution: would-change',
      'rancher-1 file /etc/rancher/ssl/cacerts.pem: would-change',
      'rancher-1 container rancher: would-change',
      'rancher-1 rancher is ready: skipped',
      'lb-1 package nginx: would-change',
      'lb-1 file-set nginx: would-change',
    ]),
  );
  expect(result.statuses.filter((status) => /: (changed|failed)$/.test(status))).toEqual([]);
  const plan = folder.file('plan.json');
  const planned = await provision(['plan', '-i', inventory(), '-o', plan]);
  expect({ exit: planned.exit, failures: failuresOf(planned) }).toMatchObject({ exit: 0 });
  expect([...planned.statuses].sort()).toEqual([...result.statuses].sort());
  const after = await snapshots();
  expect(before.map((host, index) => diffSnapshots(host, after[index]!))).toEqual([[], []]);
});

test('F38: a wrong certificate is refused before any host is contacted', async () => {
  const other = certificateFiles('somebody.else.test');
  writeFileSync(folder.file('other-key.pem'), other['key.pem'], { mode: 0o600 });
  const file = inventory({
    certificate: '{ option: own-ca, chain: chain.pem, key: other-key.pem, ca: ca.pem }',
  });
  const result = await provision(['-i', file]);
  expect(result.exit).toBe(3);
  expect(result.stderr).toContain('the key does not belong to the certificate');
  expect(result.steps).toEqual([]);
});

test('two bare hosts become Rancher behind a balancer that terminates TLS, as their plan says', async () => {
  const result = await provision(['apply', folder.file('plan.json'), '-i', inventory()]);
  expect({ exit: result.exit, failures: failuresOf(result) }).toMatchObject({ exit: 0 });
  const through = (path: string, headers = {}) =>
    throughBalancer(lab.lb, { hostname, path, ca: certificates['ca.pem'], headers });
  expect(await through('/ping')).toMatchObject({ status: 200, body: 'pong' });
  expect((await through('/v3')).status).toBe(401);
  const websocket = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGVzdCB0ZXN0IHRlc3QgMQ==',
  };
  const token = { Authorization: 'Bearer stand-in-token' };
  expect((await through('/v3/connect', { ...websocket, ...token })).status).toBe(101);
  expect(await lab.lb.run(`stat -c '%a %U' /etc/nginx/certificates/${hostname}/privkey.pem`)).toBe(
    '600 root\n',
  );
  const published: unknown = JSON.parse((await through('/v3/settings/cacerts')).body);
  expect(published).toMatchObject({ value: certificates['ca.pem'].trim() });
  expect(await lab.rancher.run('docker inspect -f "{{.Config.Image}}" rancher')).toBe(
    'registry:5000/rancher/rancher:v2.8.5\n',
  );
});

test('the audit log of the chosen level is on the host', async () => {
  const log = await lab.rancher.run('cat /var/log/rancher/auditlog/rancher-api-audit.log');
  expect(log).toContain('"requestURI":"/v3"');
  expect(await lab.rancher.run("docker inspect -f '{{json .Config.Env}}' rancher")).toContain(
    '"AUDIT_LEVEL=2"',
  );
});

test('no secret is left in the engine, on a command line or in the output', async () => {
  const seen = await lab.rancher.run(
    'docker inspect rancher; docker logs rancher 2>&1; cat /root/.docker/config.json 2>/dev/null; true',
  );
  expect(seen).not.toContain(login.password);
  const verbose = await provision(['-i', inventory(), '-vvv', '--diff']);
  expect(verbose.stdout + verbose.stderr).not.toContain(login.password);
  expect(verbose.stdout + verbose.stderr).not.toContain(certificates['key.pem'].split('\n')[1]);
});

test('the second run changes nothing, and nothing has moved on the hosts', async () => {
  const before = await snapshots();
  const result = await provision(['-i', inventory()]);
  expect(result.exit).toBe(0);
  expect(result.summary!.hosts).toEqual({
    'rancher-1': { ok: expect.any(Number) as number, changed: 0, failed: 0, skipped: 0 },
    'lb-1': { ok: expect.any(Number) as number, changed: 0, failed: 0, skipped: 0 },
  });
  const after = await snapshots();
  expect(before.map((host, index) => diffSnapshots(host, after[index]!))).toEqual([[], []]);
});

test('F40, F58: a Rancher that does not come up leaves the old one running and the balancer untouched', async () => {
  const before = await lab.lb.snapshot();
  const result = await provision(['-i', inventory({ image: 'v2.8.6-crash' })]);
  expect(result.exit).toBe(2);
  expect(failuresOf(result)).toContain('CONTAINER_UNHEALTHY');
  const balancer = result.steps.filter((step) => step.host === 'lb-1' && step.play === 'lb');
  expect(balancer.map((step) => step.status)).toEqual(balancer.map(() => 'skipped'));
  expect(diffSnapshots(before, await lab.lb.snapshot())).toEqual([]);
  await expect
    .poll(
      async () =>
        (await throughBalancer(lab.lb, { hostname, path: '/ping', ca: certificates['ca.pem'] })).body,
      { timeout: 20_000 },
    )
    .toBe('pong');
  const next = await provision(['-i', inventory()]);
  expect({ exit: next.exit, failures: failuresOf(next) }).toMatchObject({ exit: 0 });
});

test('F35: a broken NGINX configuration never goes live, and the old one still serves', async () => {
  await lab.lb.write('/etc/nginx/conf.d/broken.conf', 'server { listen 81; no_such_directive; }\n');
  const whole = '    nginx_layout: snippet\n    https_port: 8443';
  const result = await provision(['-i', inventory({ lb: whole })]);
  expect(result.exit).toBe(2);
  expect(failuresOf(result)).toContain('VALIDATION_FAILED');
  const configuration = await lab.lb.run('cat /etc/nginx/conf.d/rancher.conf');
  expect(configuration).not.toContain('8443');
  expect((await throughBalancer(lab.lb, { hostname, path: '/ping', ca: certificates['ca.pem'] })).body).toBe(
    'pong',
  );
  await lab.lb.run('rm /etc/nginx/conf.d/broken.conf');
  const next = await provision(['-i', inventory()]);
  expect({ exit: next.exit, failures: failuresOf(next) }).toMatchObject({ exit: 0 });
});

test('a new certificate goes live, and the next run finds nothing to change', async () => {
  const renewed = certificateFiles(hostname);
  for (const [name, content] of Object.entries(renewed))
    writeFileSync(folder.file(name), content, { mode: 0o600 });
  const result = await provision(['-i', inventory()]);
  expect({ exit: result.exit, failures: failuresOf(result) }).toMatchObject({ exit: 0 });
  expect(result.statuses).toContain('lb-1 file-set nginx: changed');
  expect((await throughBalancer(lab.lb, { hostname, path: '/ping', ca: renewed['ca.pem'] })).body).toBe(
    'pong',
  );
  expect((await provision(['-i', inventory(), '--check', '--detailed-exitcode'])).exit).toBe(0);
});
