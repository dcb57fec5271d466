import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import { makeFolder, removeFolders } from '../testing/loopback.ts';
import { makeKey } from '../testing/make-key.ts';
import { appendKnownHosts } from './known-hosts-file.ts';
import { knownHostLine } from './known-hosts.ts';

vi.setConfig({ testTimeout: 60_000 });
afterEach(removeFolders);

const jiti = import.meta.resolve('jiti/register');
const key = makeKey().public;
const place = () => join(makeFolder(), 'known_hosts');
const linesOf = (file: string) => readFileSync(file, 'utf8').trimEnd().split('\n');
const besides = (file: string) => readdirSync(dirname(file)).filter((name) => name !== 'known_hosts');

// Each waits until all are there, and then stores the same keys as all others, one by one.
const program = `
import { appendKnownHosts } from ${JSON.stringify(fileURLToPath(new URL('known-hosts-file.ts', import.meta.url)))};
process.once('message', ({ file, names, key }) => {
  for (const name of names) appendKnownHosts(file, [{ name, key: Buffer.from(key, 'base64') }]);
  process.disconnect();
});
process.send('there');
`;

test('processes that learn the same keys in the same moment store each of them once', async () => {
  const file = place();
  const script = join(dirname(file), 'store.ts');
  writeFileSync(script, program);
  const names = Array.from({ length: 60 }, (_, index) => `host-${index}`);
  const children = Array.from({ length: 4 }, () => fork(script, { execArgv: ['--import', jiti] }));
  await Promise.all(children.map((child) => once(child, 'message')));
  const ends = children.map(async (child) => ((await once(child, 'exit')) as [number])[0]);
  for (const child of children) child.send({ file, names, key: key.toString('base64') });
  expect(await Promise.all(ends)).toEqual([0, 0, 0, 0]);
  expect(linesOf(file).sort()).toEqual(names.map((name) => knownHostLine(name, key)).sort());
  expect(besides(file)).toEqual(['store.ts']);
});

test('a lock that a killed process has left is cleared', () => {
  const file = place();
  const { pid } = spawnSync('true');
  symlinkSync(`${hostname()}:${pid}:0123`, `${file}.provision-lock`);
  appendKnownHosts(file, [{ name: 'web-1', key }]);
  expect(linesOf(file)).toEqual([knownHostLine('web-1', key)]);
  expect(besides(file)).toEqual([]);
});

test('beside a file that is none, no lock is made', () => {
  const before = readdirSync('/dev');
  appendKnownHosts('/dev/null', [{ name: 'web-1', key }]);
  expect(readdirSync('/dev').filter((name) => name.startsWith('null'))).toEqual(
    before.filter((name) => name.startsWith('null')),
  );
});
