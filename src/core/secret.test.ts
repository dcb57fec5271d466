import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { format, inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ProvisionError } from './errors.ts';
import { Secret } from './secret.ts';

const canary = 'canary-of-the-secret-type';
const secret = new Secret(canary, 'api token');

describe('S09, S14: a secret shows its name and nothing else', () => {
  const ways: Record<string, (value: unknown) => string> = {
    'a template': (value) => `a ${value as string} b`,
    'String()': (value) => String(value),
    JSON: (value) => JSON.stringify({ value, list: [value], deep: { value } }),
    inspect: (value) => inspect(value),
    'inspect with everything': (value) =>
      inspect(
        { value },
        { showHidden: true, depth: Infinity, getters: true, customInspect: false, showProxy: true },
      ),
    'format %s': (value) => format('%s', value),
    'format %o': (value) => format('%o', value),
    'format %O': (value) => format('%O %j', value, value),
    'its keys': (value) => JSON.stringify(Reflect.ownKeys(value as object).map(String)),
    'its copy': (value) => inspect({ ...(value as object) }),
    'its clone': (value) => inspect(structuredClone(value)),
    'an error with it as its message': (value) => inspect(new Error(String(value))),
    'an error with it as its cause': (value) => inspect(new Error('x', { cause: value })),
    'an error with it beside': (value) => inspect(Object.assign(new Error('x'), { value })),
    'an error of ours': (value) =>
      inspect(new ProvisionError({ code: 'BUG', happened: `with ${String(value)}` }, { cause: { value } })),
    'a map, a set and an array': (value) => inspect([new Map([[value, value]]), new Set([value]), [value]]),
    'the stack of a failing call': (value) => {
      try {
        (value as { none(): void }).none();
        return '';
      } catch (error) {
        return (error as Error).stack ?? '';
      }
    },
  };

  it.each(Object.entries(ways))('in %s', (_name, show) => {
    const shown = show(secret);
    expect(shown).not.toBe('');
    expect(shown).not.toContain(canary);
  });
});

/** Who may see the value: each line is a place that a reviewer has looked at. */
const revealing: Readonly<Record<string, string>> = {
  'src/core/secret.ts': 'declares it',
  'src/core/change.ts': 'compares',
  'src/cli/workers/hand-over.ts': 'hands it to a worker process, through a pipe',
  'src/core/canonical.ts': 'makes the text that a keyed hash is made of',
  'src/engine/seal.ts': 'derives the key of hashes from it',
  'src/core/fields/secret.ts': 'counts its characters',
  'src/inventory/age-files.ts': 'opens an encrypted file with it',
  'src/ssh/connect.ts': 'refuses a sudo password with a line break',
  'src/tls/test-report.ts': 'keys of tests',
  'src/host/atomic-write.ts': 'bytes of a file',
  'src/ssh/shell/shell.ts': 'stdin of a script',
  'src/ssh/become/start-shell.ts': 'answers sudo',
  'src/ssh/become/explain-no-shell.ts': 'removes it from what a host said',
  'src/ssh/log-in/key-file.ts': 'opens a key',
  'src/ssh/log-in/authenticate.ts': 'logs in',
  'src/host/memory-host.ts': 'a host in memory',
  'src/resources/container-seal.ts': 'hashes',
  'src/resources/container-want.ts': 'checks for line breaks',
  'src/resources/container-run.ts': 'bytes of a file',
  'src/resources/file-content.ts': 'hashes',
  'src/resources/file-tree-content.ts': 'bytes of a file',
  'src/tls/read-private-key.ts': 'parses a key',
  'src/tls/check-certificate.ts': 'parses a key',
  'src/tls/private-ca-state.ts': 'parses a key',
  'src/tls/ca-folder.ts': 'bytes of a file of mode 0600',
};

it('S14, S15: the value is seen in few places, each of them known', () => {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const files = ['src', 'playbooks'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
  );
  const found = files
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.includes('/testing/'))
    .filter((name) => /\breveal\(\)/.test(readFileSync(join(root, name), 'utf8')));
  expect(found.sort()).toEqual(Object.keys(revealing).sort());
});
