import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { secretForms } from '../../src/report/secret-forms.ts';
import { startCrowd } from '../hosts/scale/crowd.ts';
import type { Member } from '../hosts/scale/fates.ts';
import { provision } from '../hosts/support/provision.ts';
import { body, env, playbookOf, workerLab } from '../support/worker-lab.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const program = fileURLToPath(new URL('../../dist/provision.js', import.meta.url));

let members: readonly Member[];
let stopHosts: () => Promise<void>;
beforeAll(async () => {
  const well = Array.from({ length: 4 }, (_, index) => ({ name: `host-${index}`, fate: 'well' as const }));
  ({ members, stop: stopHosts } = await startCrowd(well));
});
afterAll(() => stopHosts());

/** A playbook that overwrites a file beside it when a worker loads it: after the coordinator has read everything. */
const tampering = (text: string, name: string, content: string) => `
import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
if (process.send) writeFileSync(dirname(fileURLToPath(import.meta.url)) + '/${name}', '${content}');
${text}`;

test('of a folder that changes while workers start, all hosts get what the coordinator has read', async () => {
  const text = playbookOf(`
    const all = Object.entries(vars.pages.files).map(([name, { content, executable }]) =>
      name + '=' + Buffer.from(content).toString('utf8') + executable).join();
    return [written({ path: vars.folder + '/' + host.name, text: { reveal: () => all, toJSON: () => all } })];`)
    .replace('localFile,', 'localFile, localFolder,')
    .replace('calls: text(),', 'calls: text(), pages: localFolder(),');
  const { args, file, names } = workerLab(members, tampering(text, 'pages/b.txt', 'not as planned'));
  mkdirSync(file('pages/sub'), { recursive: true });
  writeFileSync(file('pages/b.txt'), 'as planned', { mode: 0o755 });
  writeFileSync(file('pages/sub/a.txt'), 'also');
  const inventory = readFileSync(file('inventory.yaml'), 'utf8').replace(
    '    note:',
    '    pages: pages\n    note:',
  );
  writeFileSync(file('inventory.yaml'), inventory);
  const { exit, stderr } = await provision([...args, '--workers', '2'], { env });
  expect(exit, stderr).toBe(0);
  expect(readFileSync(file('pages/b.txt'), 'utf8')).toBe('not as planned');
  for (const name of names)
    expect(readFileSync(file(name), 'utf8')).toBe('b.txt=as plannedtrue,sub/a.txt=alsofalse');
});

test('a large file that changes while workers start is told, and no host is touched', async () => {
  const other = 'y'.repeat(5000);
  const { args, file, names } = workerLab(members, tampering(playbookOf(body), 'archive.bin', other));
  const { exit, stdout, stderr } = await provision([...args, '--workers', '2'], { env });
  expect([exit, stdout]).toEqual([1, '']);
  expect(stderr).toContain('archive.bin changed while the workers were started');
  expect(names.filter((name) => existsSync(file(name)))).toEqual([]);
});

test('secrets reach workers through the pipe: not in arguments, environments, events or logs', async () => {
  const { args, file } = workerLab(members);
  const secrets = [
    'token-from-a-file',
    'spoken-secret-value',
    readFileSync(file('key'), 'utf8').split('\n')[2]!,
  ];
  writeFileSync(file('token'), secrets[0]!, { mode: 0o600 });
  const inventory = readFileSync(file('inventory.yaml'), 'utf8').replace(
    '{ env: WORKERS_TEST_TOKEN }',
    '{ file: token }',
  );
  writeFileSync(file('inventory.yaml'), inventory);
  const words = [...args, '--workers', '2', '-vvv', '--diff', '--output', 'jsonl'];
  const child = spawn(process.execPath, [program, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, XDG_STATE_HOME: file('state') },
  });
  const shown = { stdout: '', stderr: '' };
  const seen: Record<string, string> = {};
  child.stderr.on('data', (chunk: Buffer) => (shown.stderr += String(chunk)));
  child.stdout.on('data', (chunk: Buffer) => {
    shown.stdout += String(chunk);
    if (!String(chunk).includes('"step-start"')) return;
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
    for (const pid of [String(child.pid), ...children.split(' ')])
      for (const name of ['cmdline', 'environ'])
        seen[`${name} of ${pid}`] = readFileSync(`/proc/${pid}/${name}`, 'latin1');
  });
  expect(await new Promise((resolve) => child.once('close', resolve)), shown.stderr).toBe(0);
  const workers = Object.entries(seen).filter(([, text]) => text.includes('worker.js'));
  expect(workers.map(([name]) => name.split(' ')[0])).toEqual(['cmdline', 'cmdline']);
  for (const name of readdirSync(file('state'), { recursive: true, encoding: 'utf8' }))
    if (/\.jsonl?$/.test(name)) seen[name] = readFileSync(join(file('state'), name), 'latin1');
  expect(Object.keys(seen).filter((name) => name.endsWith('events.jsonl'))).toHaveLength(1);
  for (const [name, text] of Object.entries({ ...seen, ...shown }))
    for (const secret of secrets)
      for (const form of secretForms(secret)) expect(text.includes(form), `${secret} in ${name}`).toBe(false);
});
