import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { arch } from 'node:os';
import { expect, it } from 'vitest';
import { LocalShellConnection } from '../../test/support/local-shell-connection.ts';
import { shells } from '../../test/support/shells.ts';
import { gatherFacts, parseFacts } from './facts.ts';

it.each(shells)('tells what this machine is, through $name', async ({ options }) => {
  const facts = await gatherFacts(new LocalShellConnection(options), Date.now);
  expect(facts.architecture).toBe(({ x64: 'x86_64', arm64: 'aarch64' } as Record<string, string>)[arch()]);
  expect(facts.cpus).toBeGreaterThan(0);
  expect(facts.memoryKb).toBe(Number(/MemTotal: +(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]));
  expect(Math.abs(facts.clockSkewMs)).toBeLessThan(1500);
  expect(readFileSync('/etc/os-release', 'utf8')).toContain(facts.osName);
});

it('corrects the clock by half the round trip', () => {
  expect(parseFacts('now=1700000000500000000\n', 1_700_000_000_000).clockSkewMs).toBe(500);
  expect(parseFacts('now=1700000060%N\n', 1_700_000_000_000).clockSkewMs).toBe(60_500);
  expect(parseFacts('now=rubbish\n', 1_700_000_000_000).clockSkewMs).toBe(0);
});

it('reads os-release with quotes and escapes, as data', () => {
  const release = String.raw`NAME="Odd \"Linux\" \$HOME"
ID=odd
ID_LIKE='debian ubuntu'
VERSION_ID="1.10"
PRETTY_NAME="$(touch /tmp/pwned) {{x}}"`;
  const facts = parseFacts(`cpus=2\nos-release\n${release}\ncpus=99`, 0);
  expect(facts).toMatchObject({ os: 'odd', osLike: ['debian', 'ubuntu'], osVersion: '1.10', cpus: 2 });
  expect(facts.osName).toBe('$(touch /tmp/pwned) {{x}}');
});

it('S18: what a host says of itself can be nothing but a fact', () => {
  const words = [
    'ansible_host',
    'host',
    'address',
    'user',
    'become',
    'key',
    'fingerprint',
    '__proto__',
    'constructor',
  ];
  const lines = words.map((word) => `${word}=evil`).join('\n');
  const facts = parseFacts(`${lines}\nos-release\n${lines}\nID=debian\n`, 0);
  expect(Object.keys(facts)).toEqual(Object.keys(parseFacts('', 0)));
  expect(JSON.stringify(facts)).not.toContain('evil');
  expect(({} as Record<string, unknown>)['evil']).toBeUndefined();
});

it('gives bounded facts without control characters, whatever the host says', () => {
  const line = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('ID=', 'os-release', 'cpus=1', 'now=9'),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const facts = parseFacts(lines.join('\n'), 0);
      const texts = [facts.os, facts.osName, facts.osVersion, facts.kernel, ...facts.osLike];
      for (const text of texts) expect(text).toMatch(/^[^\0-\x1f\x7f]{0,512}$/);
      expect(Number.isFinite(facts.clockSkewMs)).toBe(true);
    }),
  );
});
