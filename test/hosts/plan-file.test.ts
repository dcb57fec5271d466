import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PlanFile } from 'provision';
import { secretForms } from '../../src/report/secret-forms.ts';
import { parsePlanFile } from '../../src/plan-file/read-plan-file.ts';
import { certificateFiles } from './support/certificates.ts';
import { labInventory } from './support/lab-inventory.ts';
import { startLab, type Lab } from './support/lab.ts';
import { failuresOf, folderWith, provision } from './support/provision.ts';
import { diffSnapshots } from './support/snapshot.ts';
import { loadStandIn } from './support/stand-in-image.ts';
import { throughBalancer } from './support/through-balancer.ts';

/*
 * The main job by way of a plan. The tests build on each other in their order: it is made, refused while a host has moved, and
 * applied when nothing has.
 */
const hostname = 'rancher.plan.test';
const bootstrap = 'canary-of-the-plan';

let lab: Lab;
let certificates: ReturnType<typeof certificateFiles>;
let folder: ReturnType<typeof folderWith>;
let plan: string;

function inventory(more = ''): string {
  const text = labInventory(lab, {
    hostname,
    certificate: '{ option: own-ca, chain: chain.pem, key: key.pem, ca: ca.pem }',
    rancher: `    image: rancher/rancher:v2.8.5
    bootstrap_password: { file: bootstrap }
    reachable_from: balancers
    ready_timeout: 60`,
    ...(more !== '' && { lb: more }),
  });
  writeFileSync(folder.file('inventory.yaml'), text);
  return folder.file('inventory.yaml');
}

const apply = () => provision(['apply', plan, '-i', inventory(), '--workers', '2']);

const snapshots = () =>
  Promise.all([
    lab.rancher.snapshot(['/opt', '/var/lib/provision']),
    lab.lb.snapshot(['/var/lib/provision']),
  ]);

beforeAll(async () => {
  certificates = certificateFiles(hostname);
  folder = folderWith({ ...certificates, bootstrap });
  plan = folder.file('plan.json');
  lab = await startLab({ rancher: { software: 'docker' } });
  await loadStandIn(lab.rancher, ['v2.8.5']);
});
afterAll(() => lab.stop());

function read(): PlanFile {
  return parsePlanFile(readFileSync(plan, 'utf8'), plan);
}

/** But for times and the salt; each hash by when it is met first, as the salt changes all of them. */
function steady(path: string): string {
  const hashes: string[] = [];
  return readFileSync(path, 'utf8')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/"salt": ?"[0-9a-f]{32}"/, '"salt":"SALT"')
    .replace(/\b[0-9a-f]{64}\b/g, (hash) => {
      if (!hashes.includes(hash)) hashes.push(hash);
      return `HASH-${hashes.indexOf(hash)}`;
    });
}

function statusOf(file: PlanFile, host: string, id: string) {
  const hosts = file.plays.flatMap((play) => play.hosts).filter((each) => each.host === host);
  return hosts.flatMap(({ steps }) => steps).find((step) => step.id === id);
}

test('a plan of bare hosts is whole, is for its user only, and holds no secret', async () => {
  const before = await snapshots();
  const result = await provision(['plan', '-i', inventory(), '-o', plan, '--detailed-exitcode']);
  expect({ exit: result.exit, failures: failuresOf(result) }).toMatchObject({ exit: 20 });
  expect(statSync(plan).mode & 0o777).toBe(0o600);
  const file = read();
  expect(statusOf(file, 'lb-1', 'package nginx')).toMatchObject({
    status: 'would-change',
    effects: [{ type: 'install', what: 'nginx' }],
  });
  const key = { type: 'secret', path: `/etc/nginx/certificates/${hostname}/privkey.pem`, have: 'absent' };
  expect(statusOf(file, 'lb-1', 'file-set nginx')!.changes).toContainEqual(key);
  expect(statusOf(file, 'rancher-1', 'container rancher')!.effects).toContainEqual({
    type: 'start',
    what: 'container rancher',
  });
  expect(statusOf(file, 'rancher-1', 'rancher is ready')).toMatchObject({ status: 'known-after-apply' });
  expect(statusOf(file, 'rancher-1', 'firewall ports of rancher')!.changes).toContainEqual({
    type: 'value',
    path: 'boot',
    want: 'enabled',
  });
  const text = readFileSync(plan, 'latin1');
  for (const secret of [bootstrap, ...certificates['key.pem'].split('\n').slice(1, -2)])
    for (const form of secretForms(secret)) expect(text).not.toContain(form);
  const after = await snapshots();
  expect(before.map((host, index) => diffSnapshots(host, after[index]!))).toEqual([[], []]);
});

test('workers make the same plan', async () => {
  const other = folder.file('other.json');
  const result = await provision(['plan', '-i', inventory(), '-o', other, '--workers', '2']);
  expect({ exit: result.exit, failures: failuresOf(result) }).toMatchObject({ exit: 0 });
  expect(steady(other)).toBe(steady(plan));
});

test('hosts that have moved are refused by name, all at once, before anything is changed', async () => {
  await lab.rancher.run('mkdir -p /etc/rancher/ssl && echo other >/etc/rancher/ssl/cacerts.pem');
  await lab.lb.run('mkdir -p /etc/nginx/conf.d && echo "# mine" >/etc/nginx/conf.d/rancher.conf');
  const before = await snapshots();
  const result = await apply();
  expect(result.exit).toBe(9);
  expect(result.steps).toEqual([]);
  expect(result.stderr).toContain('STALE_PLAN rancher-1 file /etc/rancher/ssl/cacerts.pem');
  expect(result.stderr).toContain('STALE_PLAN lb-1 file-set nginx');
  expect(result.stderr).toMatch(/content was absent and is a text of 6 characters/);
  for (const host of [lab.rancher, lab.lb])
    expect(await host.run('flock -n /run/provision/lock echo free')).toBe('free\n');
  const after = await snapshots();
  expect(before.map((host, index) => diffSnapshots(host, after[index]!))).toEqual([[], []]);
  await lab.rancher.run('rm -r /etc/rancher');
  await lab.lb.run('rm -r /etc/nginx');
});

test('a host that another run has locked is not even compared, and nothing is changed on any', async () => {
  const holder = await lab.lb.run(
    'mkdir -p -m 0700 /run/provision && exec 9>>/run/provision/lock && flock 9 && { sleep 600 >/dev/null 2>&1 & echo $!; }',
  );
  const before = await snapshots();
  const result = await apply();
  expect(result.exit).toBe(7);
  expect(failuresOf(result)).toMatch(/LOCKED/);
  const after = await snapshots();
  expect(before.map((host, index) => diffSnapshots(host, after[index]!))).toEqual([[], []]);
  await lab.lb.run(`kill ${holder.trim()}`);
});

test('another inventory is refused before any host is contacted', async () => {
  const result = await provision(['apply', plan, '-i', inventory('    https_port: 8443')]);
  expect(result.exit).toBe(9);
  expect(result.stderr).toMatch(/STALE_PLAN lb-1 .*something else is wanted/);
});

test('a plan of hosts that have not moved is applied, and nothing is left to change', async () => {
  const result = await apply();
  expect({ exit: result.exit, failures: failuresOf(result) }).toMatchObject({ exit: 0 });
  expect(result.statuses).toContain('lb-1 file-set nginx: changed');
  const ca = certificates['ca.pem'];
  expect(await throughBalancer(lab.lb, { hostname, path: '/ping', ca })).toMatchObject({ body: 'pong' });
  expect((await provision(['drift', '-i', inventory()])).exit).toBe(0);
  expect((await apply()).exit).toBe(9);
});

test('drift is told by its exit code, with what differs', async () => {
  await lab.lb.run('echo "# mine" >>/etc/nginx/conf.d/rancher.conf');
  for (const workers of ['1', '2']) {
    const result = await provision(['drift', '-i', inventory(), '--workers', workers]);
    expect(result.exit).toBe(20);
    expect(result.statuses).toContain('lb-1 file-set nginx: would-change');
  }
});
