import { expect, test } from 'vitest';
import { judgeHostKey, preferredAlgorithms } from './host-identity.ts';
import { fingerprint, knownHostLine, parseKnownHosts } from './known-hosts.ts';
import { makeKey } from '../testing/make-key.ts';

const ours = makeKey().public;
const other = makeKey().public;
const ecdsa = makeKey('ecdsa').public;

const line = (hosts: string, key: Buffer, marker = '') => `${marker}${knownHostLine(hosts, key)}`;

test.each([
  ['nothing known', [], 'new'],
  ['known', [line('web', ours)], 'known'],
  ['known among others', [line('*', other), line('web', ours)], 'known'],
  ['known in other letters', [line('WEB', ours)], 'known'],
  ['changed', [line('web', other)], 'changed'],
  ['known by another type only', [line('web', ecdsa)], 'changed'],
  ['another host', [line('lb', ours)], 'new'],
  ['excluded by negation', [line('*,!web', ours)], 'new'],
  ['revoked', [line('web', ours, '@revoked ')], 'revoked'],
  ['revoked, although known', [line('web', ours), line('*', ours, '@revoked ')], 'revoked'],
  ['another key revoked', [line('web', ours), line('web', other, '@revoked ')], 'known'],
  ['revoked for another host', [line('lb', ours, '@revoked ')], 'new'],
  ['an authority does not vouch for a plain key', [line('web', ours, '@cert-authority ')], 'new'],
])('S25: %s', (_name, lines, verdict) => {
  const known = parseKnownHosts(lines.join('\n'), 'known_hosts');
  expect(judgeHostKey({ key: ours }, { address: 'web', port: 22 }, known, 0).verdict).toBe(verdict);
});

test.each([
  ['[web]:2222', ours, 'known'],
  ['[web]:2222', other, 'changed'],
  ['web', ours, 'known'],
  ['web', other, 'new'],
])('S25: port 2222, known as %s', (name, key, verdict) => {
  const known = parseKnownHosts(line(name, key), 'known_hosts');
  expect(judgeHostKey({ key: ours }, { address: 'web', port: 2222 }, known, 0).verdict).toBe(verdict);
});

test('a key that is revoked under the bare name is revoked on every port', () => {
  const known = parseKnownHosts(line('web', ours, '@revoked '), 'known_hosts');
  expect(judgeHostKey({ key: ours }, { address: 'web', port: 2222 }, known, 0).verdict).toBe('revoked');
});

test('a pin decides alone, except over a revoked key', () => {
  const pinned = { address: 'web', port: 22, fingerprint: fingerprint(ours) };
  const judge = (key: Buffer, text: string) =>
    judgeHostKey({ key }, pinned, parseKnownHosts(text, 'f'), 0).verdict;
  expect(judge(ours, '')).toBe('known');
  expect(judge(ours, line('web', other))).toBe('known');
  expect(judge(other, line('web', other))).toBe('not-pinned');
  expect(judge(ours, line('web', ours, '@revoked '))).toBe('revoked');
});

test('the types by which a host is known are asked for first, and signatures with SHA-1 never', () => {
  const known = parseKnownHosts(line('web', ecdsa), 'f');
  expect(preferredAlgorithms({ address: 'web', port: 22 }, known)[0]).toBe('ecdsa-sha2-nistp256');
  expect(preferredAlgorithms({ address: 'lb', port: 22 }, known)[0]).toBe('ssh-ed25519');
  expect(preferredAlgorithms({ address: 'web', port: 22 }, known)).not.toContain('ssh-rsa');
});
