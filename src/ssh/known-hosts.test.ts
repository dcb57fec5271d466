import { execFileSync, spawnSync } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  coversHost,
  fingerprint,
  keyType,
  knownHostLine,
  knownHostName,
  parseKnownHosts,
} from './known-hosts.ts';
import { makeKey } from './testing/make-key.ts';

const key = makeKey().public;

test('a host is filed under its name in lower case, with the port when it is not 22', () => {
  expect(knownHostName('Web.Example.com', 22)).toBe('web.example.com');
  expect(knownHostName('10.0.0.5', 2222)).toBe('[10.0.0.5]:2222');
  expect(knownHostName('fe80::1', 22)).toBe('fe80::1');
});

test.each([
  ['a.example.com', 'a.example.com', true],
  ['A.Example.COM', 'a.example.com', true],
  ['b.example.com,a.example.com', 'a.example.com', true],
  ['*.example.com', 'a.example.com', true],
  ['*.example.com', 'example.com', false],
  ['*.example.com,!a.example.com', 'a.example.com', false],
  ['!a.example.com,*.example.com', 'b.example.com', true],
  ['!a.example.com', 'b.example.com', false],
  ['web?', 'web1', true],
  ['web?', 'web12', false],
  ['[a.example.com]:2222', '[a.example.com]:2222', true],
  ['[a.example.com]:2222', 'a.example.com', false],
  ['a.example.com', '[a.example.com]:2222', false],
  [hashed('a.example.com'), 'a.example.com', true],
  [hashed('a.example.com'), 'b.example.com', false],
  [hashed('[a]:22022'), '[a]:22022', true],
  ['|1|broken', '|1|broken', false],
])('%s covers %s: %s', (hosts, name, covered) => {
  expect(coversHost(hosts, name)).toBe(covered);
});

test('a pattern made to be slow is not', () => {
  const started = performance.now();
  expect(coversHost(`${'*a'.repeat(200)}b`, 'a'.repeat(2000))).toBe(false);
  expect(performance.now() - started).toBeLessThan(500);
});

test('markers are kept; comments and lines that hold no key are left out', () => {
  const good = knownHostLine('a', key);
  const text = [`# ${good}`, '', good, `@revoked ${good}`, `@cert-authority ${good}`, `@other ${good}`];
  const broken = [
    'a',
    'a ssh-ed25519',
    'a ssh-ed25519 !!!',
    `a ssh-rsa ${key.toString('base64')}`,
    'a 1024 35 1234',
  ];
  expect(
    parseKnownHosts([...text, ...broken].join('\n'), 'f').map(({ line, marker }) => [line, marker]),
  ).toEqual([
    [3, undefined],
    [4, 'revoked'],
    [5, 'cert-authority'],
  ]);
});

test('any text at all is read without an error, and junk knows nobody', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
      for (const known of parseKnownHosts(text, 'f')) expect(keyType(known.key)).toBe(known.type);
    }),
  );
});

const sshKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;

test.skipIf(!sshKeygen)('fingerprints agree with ssh-keygen -l', () => {
  const line = execFileSync('ssh-keygen', ['-lf', '-'], {
    input: knownHostLine('x', key).slice(2),
    encoding: 'utf8',
  });
  expect(line).toContain(fingerprint(key));
});

test.skipIf(!sshKeygen)(
  'which lines cover a host agrees with ssh-keygen -F on 400 generated files of 20 to 40 lines',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'provision-'));
    try {
      for (const [index, lines] of fc
        .sample(fc.array(generatedLine(), { minLength: 20, maxLength: 40 }), { numRuns: 400, seed: 7 })
        .entries()) {
        const file = join(folder, `known_hosts_${index}`);
        writeFileSync(file, `${lines.join('\n')}\n`);
        const known = parseKnownHosts(lines.join('\n'), file);
        const name = names[index % names.length]!;
        const ours = known.filter(({ hosts }) => coversHost(hosts, name)).map(({ line }) => line);
        expect(ours, `${name} in\n${lines.join('\n')}`).toEqual(linesOfSshKeygen(file, name));
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
  60_000,
);

const names = [
  'a.example.com',
  'b.example.com',
  'example.com',
  'web1',
  '10.0.0.5',
  '[a.example.com]:2222',
  '[web1]:22022',
  '::1',
];

function generatedLine(): fc.Arbitrary<string> {
  const pattern = fc.oneof(
    fc.constantFrom(...names),
    fc.constantFrom(
      '*',
      '*.example.com',
      'web?',
      '10.0.*',
      '[*]:2222',
      'A.Example.COM',
      '?.example.com',
      '*a*',
      '',
    ),
  );
  const entry = fc.tuple(fc.boolean(), pattern).map(([negated, text]) => (negated ? `!${text}` : text));
  const hosts = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.array(entry, { minLength: 1, maxLength: 4 }).map((entries) => entries.join(',')),
    },
    { weight: 2, arbitrary: fc.constantFrom(...names).map(hashed) },
    { weight: 1, arbitrary: fc.constantFrom('|1|', '|1|x|y', '|2|abc|def') },
  );
  // Only whole keys: ssh-keygen -F does not look at the key, while a line with a broken one is of no use to us.
  const blob = fc.constantFrom(key.toString('base64'), makeKey().public.toString('base64'));
  const marker = fc.constantFrom('', '', '', '@revoked ', '@cert-authority ', '@nonsense ', '#');
  const space = fc.constantFrom(' ', '\t', '  ');
  return fc
    .tuple(marker, hosts, space, blob, fc.constantFrom('', ' comment'))
    .map(([mark, host, gap, base64, comment]) => `${mark}${host}${gap}ssh-ed25519 ${base64}${comment}`);
}

function linesOfSshKeygen(file: string, name: string): number[] {
  const { stdout } = spawnSync('ssh-keygen', ['-F', name, '-f', file], { encoding: 'utf8' });
  return [...stdout.matchAll(/^# Host .* found: line (\d+)/gm)].map((match) => Number(match[1]));
}

function hashed(name: string): string {
  const salt = randomBytes(20);
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
}
