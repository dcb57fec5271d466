import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDirectory } from '../../../scripts/docker-engine.mjs';
import { ensureHostImages } from '../support/host-image.ts';
import { startLab, type Lab } from '../support/lab.ts';
import { ensureStandIn } from '../support/stand-in-image.ts';
import { openRun, removeRun, type TestRun } from '../support/test-run.ts';
import { labInventory } from '../support/lab-inventory.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = join(cacheDirectory(), 'demo');
const hostname = 'rancher.demo.test';
const login = { user: 'puller', password: 'password-of-the-demo-registry' };

const run = openRun('demo', folder);
if (process.argv.includes('--clean')) {
  await removeRun(run);
  say('The demo hosts, their network and their keys are removed.');
} else {
  await demo(run);
}

async function demo(fresh: TestRun): Promise<void> {
  say('Building what the hosts are made of (the first time takes some minutes)');
  await ensureHostImages(say);
  await ensureStandIn(['v2.8.5'], say);
  await removeRun(fresh);
  const current = openRun('demo', folder);
  say('Starting two bare hosts, and a private registry with a stand-in for the image of Rancher');
  const lab = await startLab({
    run: current,
    registry: { ...login, tags: ['v2.8.5'] },
    lifetimeMinutes: 24 * 60,
  });
  const inventory = writeInventory(lab);

  provision('The main job, on two bare hosts', ['-i', inventory, '-y']);
  say('What people see, through the load balancer');
  const ca = join(folder, 'private-ca', 'ca.pem');
  const port = lab.lb.mappedPort(443);
  const curl = `curl -sS --cacert ${ca} --connect-to ${hostname}:443:127.0.0.1:${port}`;
  show(`${curl} https://${hostname}/ping`);
  show(`${curl} -o /dev/null -w '%{http_code}\\n' https://${hostname}/v3`);
  provision('The same again: nothing is left to change', ['-i', inventory, '-y']);
  say(
    [
      'The hosts keep running for a day.',
      `  log in:        ssh -i ${current.privateKeyPath} -p ${lab.rancher.port} root@127.0.0.1   (the Rancher host)`,
      `                 ssh -i ${current.privateKeyPath} -p ${lab.lb.port} root@127.0.0.1   (the load balancer)`,
      `  the inventory: ${inventory}`,
      `  run it again:  node dist/provision.js -i ${inventory}`,
      '  clean up:      npm start -- --clean',
    ].join('\n'),
  );
}

function writeInventory(lab: Lab): string {
  mkdirSync(folder, { recursive: true });
  const secret = join(folder, 'registry-password');
  writeFileSync(secret, login.password, { mode: 0o600 });
  const file = join(folder, 'inventory.yaml');
  rmSync(file, { force: true });
  const rancher = `    image: rancher/rancher:v2.8.5
    registry: { url: 'registry:5000', username: ${login.user}, password: { file: ${secret} } }`;
  writeFileSync(file, labInventory(lab, { hostname, certificate: '{ option: private-ca }', rancher }));
  return file;
}

function provision(title: string, args: readonly string[]): void {
  say(`${title}\n   $ provision ${args.join(' ')}`);
  const started = Date.now();
  const { status } = spawnSync(process.execPath, [join(root, 'dist/provision.js'), ...args], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`provision ended with ${status}`);
  say(`took ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

function show(command: string): void {
  process.stdout.write(`$ ${command}\n`);
  const { status } = spawnSync('sh', ['-c', command], { stdio: 'inherit' });
  process.stdout.write('\n');
  if (status !== 0) throw new Error(`${command} ended with ${status}`);
}

function say(text: string): void {
  process.stderr.write(`\n── ${text}\n`);
}
