import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  coversHost,
  fingerprint,
  hashedName,
  keyType,
  knownHostLine,
  knownHostName,
  parseKnownHosts,
} from './known-hosts.ts';
import { makeKey } from '../testing/make-key.ts';

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
  [hashedName('a.example.com'), 'a.example.com', true],
  [hashedName('a.example.com'), 'b.example.com', false],
  [hashedName('[a]:22022'), '[a]:22022', true],
  ['|1|broken', '|1|broken', false],
])('%s covers %s: %s', (hosts, name, covered) => {
  expect(coversHost(hosts, name)).toBe(covered);
});

test('a pattern made to be slow is not', () => {
  expect(coversHost(`${'*a'.repeat(200)}b`, 'a'.repeat(2000))).toBe(false);
}, 20_000);

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

test('a letter of another alphabet is never taken for one of ours', () => {
  expect(coversHost('\u212Aube', 'kube')).toBe(false);
  expect(coversHost('KUBE', 'kube')).toBe(true);
});

test('a hashed name is known, and ssh-keygen is needed for nothing', () => {
  const hashed = hashedName('[web]:2222');
  expect(hashed).toMatch(/^\|1\|[A-Za-z0-9+/]{27}=\|[A-Za-z0-9+/]{27}=$/);
  expect(coversHost(hashed, '[web]:2222')).toBe(true);
  expect(coversHost(hashed, 'web')).toBe(false);
  expect(hashedName('[web]:2222')).not.toBe(hashed);
});

const sshKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;

test.skipIf(!sshKeygen)('fingerprints agree with ssh-keygen -l', () => {
  const line = execFileSync('ssh-keygen', ['-lf', '-'], {
    input: knownHostLine('x', key).slice(2),
    encoding: 'utf8',
  });
  expect(line).toContain(fingerprint(key));
});
