import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly dev?: boolean;
  readonly optional?: boolean;
}

const read = (file: string) => readFileSync(join(root, file), 'utf8');
const lock = (JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> }).packages;
const packages = Object.entries(lock).filter(([path]) => path !== '');

/** Our own sources as they run, without tests. */
function sources(folder: string): readonly [file: string, text: string][] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => [join(folder, name), read(join(folder, name))]);
}

describe('S44: what is installed', () => {
  test('every package is held by the hash of its content', () => {
    expect(packages.filter(([, { integrity }]) => !/^sha512-/.test(integrity ?? ''))).toEqual([]);
    expect(packages.filter(([, { resolved = '' }]) => /^(git|http:|file:)/.test(resolved))).toEqual([]);
  });

  test('no version of ours may move by itself', () => {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(read('package.json')) as Locked;
    for (const version of Object.values({ ...dependencies, ...devDependencies }))
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  test('scripts of packages do not run, and who has one is known by name', () => {
    expect(read('.npmrc')).toContain('ignore-scripts=true');
    const withScript = packages.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
    // ssh2 and cpu-features would build native code that nothing here needs; the others are tools of development.
    expect(withScript.sort()).toEqual(
      ['cpu-features', 'esbuild', 'protobufjs', 'ssh2'].map((name) => `node_modules/${name}`),
    );
  });

  test('what a user of the command line runs stays small enough to be read', () => {
    const shipped = packages.filter(([, { dev, optional }]) => !dev && !optional);
    expect(shipped.length).toBeLessThanOrEqual(85);
  });
});

describe('S24: nothing of ours goes through a shell of this machine', () => {
  const own = [...sources('src'), ...sources('playbooks')];

  test.each([
    ['exec() of node:child_process', /import \{[^}]*\bexec(Sync)?\b[^}]*\} from 'node:child_process'/],
    ['a process with a shell', /\bshell:\s*(true|'|")/],
    ['code made of text', /\beval\(|\bnew Function\(|from 'node:vm'/],
  ])('%s', (_, pattern) => {
    expect(own.length).toBeGreaterThan(150);
    expect(own.filter(([, text]) => pattern.test(text)).map(([file]) => file)).toEqual([]);
  });

  test('ssh2 is younger than its command injection (1.4) and knows strict key exchange (1.15)', () => {
    const [major = 0, minor = 0] = lock['node_modules/ssh2']!.version.split('.').map(Number);
    expect(major * 1000 + minor).toBeGreaterThanOrEqual(1015);
  });

  test('S45: an agent is never lent to a host', () => {
    expect(
      own.filter(([, text]) => /agentForward|openssh_authAgent/.test(text)).map(([file]) => file),
    ).toEqual([]);
  });

  test('the patterns find what they look for', () => {
    expect("import { exec, spawn } from 'node:child_process'").toMatch(
      /import \{[^}]*\bexec(Sync)?\b[^}]*\} from 'node:child_process'/,
    );
    expect('spawn(tool, [], { shell: true })').toMatch(/\bshell:\s*(true|'|")/);
    expect(dirname(own[0]![0])).toMatch(/^src/);
  });
});
