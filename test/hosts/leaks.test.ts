import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { secretForms } from '../../src/report/secret-forms.ts';
import { certificateFiles } from './support/certificates.ts';
import { labInventory } from './support/lab-inventory.ts';
import { startLab, type Lab } from './support/lab.ts';
import { watchProcesses } from './support/process-watch.ts';
import { folderWith } from './support/provision.ts';

/*
 * Canaries in every place that a secret can come from, runs that succeed and that fail in many ways at the highest verbosity,
 * and then a search of everything that anybody could look at. What may hold a canary is listed here, and nothing else may.
 */
const hostname = 'rancher.leaks.test';
const program = fileURLToPath(new URL('../../dist/provision.js', import.meta.url));

const canaries = {
  becomePassword: 'canary-Become+"1/x',
  sshPassword: 'canary-Login+2/x',
  passphrase: 'canary-Passphrase+3/x',
  registry: 'canary-Registry+4/x',
  bootstrap: 'canary-Bootstrap+5/x',
  wrong: 'canary-Wrong+6/x',
};
// The file of the key is on the balancer, and nowhere else: the lines of its body are canaries too.
const certificates = certificateFiles(hostname);
const renewed = certificateFiles(hostname);
const tlsKeys = [certificates['key.pem'], renewed['key.pem']];
const allCanaries = [...Object.values(canaries), ...tlsKeys];

/** Where secrets are meant to arrive; all of it for root only. A search that does not find them there finds nothing. */
const destinations: readonly { readonly path: RegExp; readonly holds: readonly string[] }[] = [
  { path: new RegExp(`^/etc/nginx/certificates/${hostname}/privkey\\.pem$`), holds: tlsKeys },
  // The engine keeps the environment of a container: why the first password of Rancher is best left to Rancher.
  { path: /^\/run\/containerd\/.*\/config\.json$/, holds: [canaries.bootstrap] },
  { path: /^\/var\/lib\/docker\/containers\/\w+\/config\.v2\.json$/, holds: [canaries.bootstrap] },
  // What Rancher does with it is Rancher's; the stand-in writes it down.
  { path: /^\/opt\/rancher\//, holds: [canaries.bootstrap] },
];

let lab: Lab;
let folder: ReturnType<typeof folderWith>;
let probes = 0;
const leaks: string[] = [];
const arrived = new Set<unknown>();

/** Looks for every canary in all its forms. */
function probe(where: string, text: string, allowed: readonly string[] = []): void {
  for (const canary of allCanaries) {
    if (allowed.includes(canary)) continue;
    probes++;
    const places = secretForms(canary).flatMap((form) => filesWith(text, form));
    for (const place of new Set(places)) {
      const declared = destinations.find(({ path, holds }) => path.test(place) && holds.includes(canary));
      if (declared) arrived.add(declared);
      else leaks.push(`${where}${place === '' ? '' : ` in ${place}`}: ${canary.slice(0, 40)}`);
    }
  }
}

/** The files of a search in which a text stands; an empty name where the search is of no files. */
function filesWith(text: string, form: string): string[] {
  const found: string[] = [];
  for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + 1)) {
    const header = text.lastIndexOf('\n== /', at);
    found.push(header < 0 ? '' : text.slice(header + 4, text.indexOf('\n', header + 1)));
  }
  return found;
}

beforeAll(async () => {
  const identity = await generateX25519Identity();
  folder = folderWith({
    ...certificates,
    passphrase: canaries.passphrase,
    login: canaries.sshPassword,
    'identity.txt': identity,
    'wrong-password': canaries.wrong,
  });
  const encrypter = new Encrypter();
  encrypter.addRecipient(await identityToRecipient(identity));
  const text = JSON.stringify({ become: canaries.becomePassword, bootstrap: canaries.bootstrap });
  writeFileSync(folder.file('secrets.age'), await encrypter.encrypt(text));
  lab = await startLab({
    rancher: { software: 'docker' },
    lb: { software: 'nginx', sshdConfig: 'PasswordAuthentication yes' },
    registry: { user: 'puller', password: canaries.registry, tags: ['v2.8.5'] },
  });
  const key = folder.file('id');
  writeFileSync(key, readFileSync(lab.rancher.privateKeyPath), { mode: 0o600 });
  execFileSync('ssh-keygen', ['-q', '-p', '-f', key, '-P', '', '-N', canaries.passphrase]);
  const logins: [Lab['lb'], string][] = [
    [lab.rancher, canaries.becomePassword],
    [lab.lb, canaries.sshPassword],
  ];
  for (const [host, password] of logins) {
    await host.write('/root/login', `ops:${password}\n`, 0o600);
    await host.run('chpasswd < /root/login && rm /root/login');
  }
});
afterAll(() => lab.stop());

interface Change {
  readonly become?: string;
  readonly registry?: string;
  readonly tag?: string;
}

function inventory({ become, registry, tag = 'v2.8.5' }: Change = {}): string {
  const text = labInventory(lab, {
    hostname,
    user: 'ops',
    certificate: '{ option: own-ca, chain: chain.pem, key: key.pem, ca: ca.pem }',
    rancher: `    key: id
    passphrase: { file: passphrase }
    become_password: ${become ?? '{ age: secrets.age, name: become }'}
    bootstrap_password: { age: secrets.age, name: bootstrap }
    image: rancher/rancher:${tag}
    registry: { url: 'registry:5000', username: puller, password: ${registry ?? '{ env: CANARY_REGISTRY }'} }
    ready_timeout: 60`,
    lb: '    password: { command: [cat, login] }\n    become_password: { command: [cat, login] }',
  }).replace(/^ {4}key: \/.*\n/m, '');
  writeFileSync(folder.file('inventory.yaml'), `age_identity: identity.txt\n${text}`);
  return folder.file('inventory.yaml');
}

/** One run, its output searched; `killAfter` events it is killed. */
async function run(
  name: string,
  file: string,
  args: readonly string[],
  killAfter = Infinity,
): Promise<number | null> {
  const child = spawn(process.execPath, [program, ...args, '-i', file, '-vvv', '--diff'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: folder.path,
    env: {
      ...process.env,
      CANARY_REGISTRY: canaries.registry,
      XDG_CACHE_HOME: folder.file('cache'),
      XDG_STATE_HOME: folder.file('state'),
      SSH_AUTH_SOCK: '',
    },
  });
  const shown = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    shown.stdout += String(chunk);
    if (shown.stdout.split('\n').length > killAfter) child.kill('SIGKILL');
  });
  child.stderr.on('data', (chunk: Buffer) => (shown.stderr += String(chunk)));
  const exit = await new Promise<number | null>((resolve) => child.once('close', resolve));
  probe(`stdout of ${name}`, shown.stdout);
  probe(`stderr of ${name}`, shown.stderr);
  outputs.push(`${name}: ${exit}\n${shown.stderr.slice(-1500)}`);
  if (exit === 3 || exit === 4) {
    const told = shown.stderr
      .split('\n')
      .filter((line) => /^ *\w*(INVENTORY|AUTH|CONN|HOSTKEY|NO_SHELL|KEY)/.test(line) || /✗/.test(line));
    throw new Error(`${name} contacted nobody:\n${told.join('\n')}`);
  }
  return exit;
}
const outputs: string[] = [];

/** What is below a folder of a host: files of up to 4 MB, each under its name. */
const below = (path: string) =>
  `find ${path} -xdev -type f -size -4096k -exec sh -c 'for f; do printf "\\n== %s\\n" "$f"; cat "$f"; done' sh {} + 2>/dev/null; true`;

const places = [
  ['journal', 'journalctl --no-pager -o verbose'],
  ['processes', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "'],
  ['/tmp', below('/tmp')],
  ['/var/tmp', below('/var/tmp')],
  ['/run', below('/run')],
  ['/dev/shm', below('/dev/shm')],
  ['/var/log', below('/var/log')],
  ['/root', below('/root')],
  ['/home', below('/home')],
  ['/etc', below('/etc')],
  ['/var/lib/provision', below('/var/lib/provision')],
  ['/var/lib/systemd', below('/var/lib/systemd')],
  ['/var/spool', below('/var/spool')],
  ['/opt', below('/opt')],
  ['records of containers', below('/var/lib/docker/containers')],
  ['units', 'systemctl show "*" --no-pager'],
  ['logs of containers', 'for c in $(docker ps -aq 2>/dev/null); do docker logs $c 2>&1; done; true'],
  ['images', 'for i in $(docker images -q 2>/dev/null); do docker history --no-trunc $i; done; true'],
] as const;

test('S06, S07, S08, S09, S11, S13, S14, S41, S47: no secret is anywhere but where it belongs', async () => {
  const watch = await watchProcesses([
    ...allCanaries.slice(0, 6),
    ...tlsKeys.map((pem) => pem.split('\n')[1]!),
    'control-sighting',
  ]);
  await lab.lb.run('sh -c "sleep 1; true" control-sighting');
  const json = ['--output', 'jsonl'];
  expect(await run('a check', inventory(), ['--check'])).toBe(0);
  // Among the files that are searched in the end.
  expect(await run('a plan', inventory(), ['plan', '--out', folder.file('plan.json')])).toBe(0);
  expect(
    await run('a wrong sudo password', inventory({ become: '{ file: wrong-password }' }), json),
  ).not.toBe(0);
  expect(
    await run('a wrong registry password', inventory({ registry: '{ file: wrong-password }' }), json),
  ).toBe(2);
  await run('a run that is killed', inventory(), json, 40);
  expect([await run('the main job', inventory(), json), outputs.at(-1)]).toEqual([0, expect.anything()]);
  expect(await run('a failing step', inventory({ tag: 'v0.0.0' }), [])).toBe(2);
  for (const [name, text] of Object.entries(renewed)) writeFileSync(folder.file(name), text, { mode: 0o600 });
  expect(await run('a changed key', inventory(), ['--check'])).toBe(0);
  const sightings = await watch.stop();

  // Whoever gives the variable has it in the environment of the process that they start; Docker keeps that of a container.
  const isDeclared = (found: string) =>
    /^environ has 3: \S*node \S*provision\.js /.test(found) ||
    // The run with a wrong registry password does not name the variable, so nobody knows that it is a secret.
    /^environ has 3: cat login /.test(found) ||
    /^environ has 4: /.test(found);
  const control = sightings.found.filter((found) => found.includes('control-sighting'));
  expect(control.length).toBeGreaterThan(0);
  leaks.push(...sightings.found.filter((found) => !isDeclared(found) && !control.includes(found)));
  probes += sightings.processes * 2;

  for (const host of [lab.rancher, lab.lb]) {
    for (const [name, command] of places) probe(`${host.name} ${name}`, (await host.exec(command)).output);
  }
  const inspected = await lab.rancher.run('docker inspect $(docker ps -aq)');
  probe('docker inspect', inspected, [canaries.bootstrap]);
  // The sources themselves are where the user has put them.
  const own = new Set(['passphrase', 'login', 'wrong-password', 'identity.txt', 'key.pem', 'id']);
  for (const name of readdirSync(folder.path, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder.path, name);
    if (!own.has(name) && statSync(path).isFile()) probe(path, readFileSync(path, 'latin1'));
  }
  expect(readdirSync(folder.file('state/provision/runs')).length).toBe(8);
  console.log(`leaks: ${leaks.length}/${probes} probes, ${sightings.rounds} looks at all processes`);
  expect(leaks).toEqual([]);
  expect(arrived.size).toBe(destinations.length);
  expect(probes).toBeGreaterThanOrEqual(400);
});
