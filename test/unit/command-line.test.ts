import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The built command line, as its user starts it. */
function provision(...args: string[]): Promise<{ exit: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [join(root, 'dist/provision.js'), ...args],
      (_, stdout, stderr) => resolve({ exit: child.exitCode ?? 255, stdout, stderr }),
    );
    child.stdin?.end();
  });
}

function inventoryWith(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'command-line-'));
  writeFileSync(join(folder, 'inventory.yaml'), text);
  return join(folder, 'inventory.yaml');
}

test('every mistake of an inventory is told at once, with its place, and nothing is contacted', async () => {
  let contacted = 0;
  const server = createServer((socket) => {
    contacted++;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const file = inventoryWith(`all:
  vars:
    hostname: rancher_1.example.com
    certificate: { option: private-ca }
rancher:
  hosts:
    rancher-1: { host: 127.0.0.1, prot: ${port} }
  vars:
    audit: everything
lb:
  hosts:
    lb-1: { host: 127.0.0.1, port: ${port} }
  vars:
    https_port: 70000
`);
  const { exit, stderr, stdout } = await provision('-i', file);
  server.close();
  expect(exit).toBe(3);
  expect(stdout).toBe('');
  expect(contacted).toBe(0);
  expect(stderr).toMatch(/inventory\.yaml:3:\d+/);
  expect(stderr).toMatch(/inventory\.yaml:7:\d+.*prot/);
  expect(stderr).toContain('did you mean "port"');
  expect(stderr).toMatch(/inventory\.yaml:9:\d+/);
  expect(stderr).toMatch(/inventory\.yaml:14:\d+/);
});

test('what is missing without a terminal is listed with how to give it', async () => {
  const { exit, stderr } = await provision('check', '-i', join(root, 'inventory.example.yaml'));
  expect(exit).toBe(3);
  expect(stderr).toContain('NEED_INPUT');
  expect(stderr).toContain('{ option: own-ca, chain: …, key: …, ca: … }');
});

test('a mistyped flag is refused with a suggestion, and is no run', async () => {
  const { exit, stderr } = await provision('-i', join(root, 'inventory.example.yaml'), '--chekc');
  expect(exit).toBe(5);
  expect(stderr).toContain('--check');
});

test('help and version end with 0 on stdout', async () => {
  expect(await provision('--version')).toMatchObject({ exit: 0, stderr: '' });
  for (const args of [['--help'], ['run', '--help'], ['help', 'run']]) {
    const { exit, stdout } = await provision(...args);
    expect({ args, exit, shown: stdout.includes('Usage: provision') }).toEqual({
      args,
      exit: 0,
      shown: true,
    });
  }
});

test('what the version needs is a small part of the program, and the way to hosts is loaded when it is due', () => {
  const chunks = readdirSync(join(root, 'dist'));
  for (const name of [/^commands-.*\.js$/, /^over-ssh-.*\.js$/])
    expect(chunks.filter((chunk) => name.test(chunk))).toHaveLength(1);
  const needed = filesAtStart('provision.js');
  // Each file is looked for, opened and compiled by itself.
  expect(needed.size).toBeLessThanOrEqual(10);
  expect(sum([...needed.values()])).toBeLessThan(150_000);
});

/** The files of `dist/` that are loaded with one, and their sizes. */
function filesAtStart(name: string, found = new Map<string, number>()): Map<string, number> {
  if (found.has(name)) return found;
  const text = readFileSync(join(root, 'dist', name), 'utf8');
  found.set(name, text.length);
  for (const [, next] of text.matchAll(/(?:from|import)"\.\/([^"]+\.js)"/g)) filesAtStart(next!, found);
  return found;
}

const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0);

test('a check of the types refuses a playbook that does not compile', async () => {
  // Below the project, where the types of Node are found.
  mkdirSync(join(root, 'node_modules/.cache'), { recursive: true });
  const folder = mkdtempSync(join(root, 'node_modules/.cache/playbook-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(
    join(folder, 'site.ts'),
    `import { inventory, playbook, text } from 'provision';
const site = inventory({ web: { motd: text() } });
export default playbook(site.play('web', ({ vars }) => (vars.modt === '' ? [] : [])));
`,
  );
  const paths = { provision: [join(root, 'src/index.ts')] };
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2023',
    strict: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    types: ['node'],
    paths,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['site.ts'] }));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(
    join(folder, 'inventory.yaml'),
    'web:\n  hosts:\n    a: { host: 127.0.0.1 }\n  vars:\n    motd: hello\n',
  );
  const { exit, stderr } = await provision(
    'check',
    join(folder, 'site.ts'),
    '-i',
    join(folder, 'inventory.yaml'),
  );
  expect(stderr).toContain("'modt' does not exist");
  expect(exit).toBe(3);

  // One that is none of the playbook's, and does not compile either.
  writeFileSync(join(folder, 'other.ts'), 'export const one: string = 1;\n');
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  writeFileSync(join(folder, 'inventory.yaml'), 'web:\n  hosts:\n    a: { hots: 127.0.0.1 }\n');
  const both = await provision('check', join(folder, 'site.ts'), '-i', join(folder, 'inventory.yaml'));
  expect(both.stderr).toContain('did you mean "host"');
  expect(both.stderr).toContain("'modt' does not exist");
  expect(both.stderr).not.toContain('other.ts');
  expect(both.exit).toBe(3);
}, 60_000);
