import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { isCertificateType, parseCertificate, whyNotNow } from './certificate.ts';
import { certificateLine, issueCertificate } from '../testing/issue-certificate.ts';
import { makeFolder, removeFolders } from '../testing/loopback.ts';
import { makeKey } from '../testing/make-key.ts';

afterEach(removeFolders);

const keys = { ed25519: makeKey(), ecdsa: makeKey('ecdsa'), rsa: makeKey('rsa') };
const kinds = Object.keys(keys) as (keyof typeof keys)[];
const pairs = kinds.flatMap((certified) => kinds.map((authority) => [certified, authority] as const));

test.each(pairs)('an %s key that an %s authority has certified is read as it was written', (of, by) => {
  const [key, authority] = [keys[of].public, keys[by]];
  const certificate = parseCertificate(issueCertificate(key, { authority, principals: ['web', 'lb'] }));
  expect(certificate.key.equals(key)).toBe(true);
  expect(certificate.authority.equals(authority.public)).toBe(true);
  expect(certificate).toMatchObject({
    role: 'host',
    principals: ['web', 'lb'],
    criticalOptions: [],
    serial: 7n,
  });
});

test('every byte of a certificate counts', () => {
  const wire = issueCertificate(keys.ed25519.public, { authority: keys.ecdsa, principals: ['web'] });
  for (let at = 0; at < wire.length; at++) {
    const changed = Buffer.from(wire);
    changed[at] = changed[at]! ^ 1;
    expect(() => parseCertificate(changed), `byte ${at}`).toThrow();
    expect(() => parseCertificate(wire.subarray(0, at)), `cut at ${at}`).toThrow();
  }
  expect(() => parseCertificate(Buffer.concat([wire, Buffer.alloc(1)]))).toThrow('after its end');
});

test.each(['rsa-sha2-512', 'rsa-sha2-256'] as const)('a signature with %s is good', (rsaSignature) => {
  const wire = issueCertificate(keys.ed25519.public, { authority: keys.rsa, rsaSignature });
  expect(parseCertificate(wire).authority.equals(keys.rsa.public)).toBe(true);
});

test('a signature with SHA-1 is refused', () => {
  const wire = issueCertificate(keys.ed25519.public, { authority: keys.rsa, rsaSignature: 'ssh-rsa' });
  expect(() => parseCertificate(wire)).toThrow('SHA-1');
});

test('an authority that did not sign is not believed to have done so', () => {
  const forged = { authority: makeKey(), claimedAuthority: keys.ed25519.public };
  expect(() => parseCertificate(issueCertificate(makeKey().public, forged))).toThrow('signature');
  const other = { authority: makeKey(), claimedAuthority: keys.rsa.public };
  expect(() => parseCertificate(issueCertificate(makeKey().public, other))).toThrow('does not sign with');
  const chain = issueCertificate(keys.ed25519.public, { authority: keys.rsa });
  const chained = { authority: keys.ed25519, claimedAuthority: chain };
  expect(() => parseCertificate(issueCertificate(makeKey().public, chained))).toThrow('is a certificate');
});

test('a plain key and other kinds are no certificates', () => {
  expect(() => parseCertificate(keys.rsa.public)).toThrow('ssh-rsa are not supported');
  expect(isCertificateType('ssh-ed25519')).toBe(false);
  expect(isCertificateType('rsa-sha2-512-cert-v01@openssh.com')).toBe(true);
});

test.each([
  [999, 'valid only from 1970-01-01T00:16:40Z on, and the clock of this machine says 1970-01-01T00:16:39Z'],
  [1000, undefined],
  [1999, undefined],
  [2000, 'expired at 1970-01-01T00:33:20Z, and the clock of this machine says 1970-01-01T00:33:20Z'],
])('valid from 1000 up to 2000; at %i: %s', (seconds, reason) => {
  const validity = { validAfter: 1000, validBefore: 2000 };
  const wire = issueCertificate(keys.ed25519.public, { authority: keys.ed25519, ...validity });
  const said = whyNotNow(parseCertificate(wire), seconds * 1000 + 999);
  if (reason === undefined) expect(said).toBeUndefined();
  else expect(said).toContain(reason);
});

const sshKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;

test.skipIf(!sshKeygen)(
  'what ssh-keygen issues is read, and what is issued here is read by ssh-keygen',
  () => {
    const folder = makeFolder();
    const path = (name: string) => join(folder, name);
    for (const [name, pair] of Object.entries(keys)) writeFileSync(path(name), pair.private, { mode: 0o600 });
    for (const [of, by] of pairs) {
      const { public: key, parsed } = keys[of];
      writeFileSync(path('key.pub'), `${parsed.type} ${key.toString('base64')}\n`);
      const options = ['-h', '-I', 'id', '-n', 'a.example.com,b', '-z', '12', '-V', 'always:forever'];
      execFileSync('ssh-keygen', ['-q', '-s', path(by), ...options, path('key.pub')]);
      const [, base64] = readFileSync(path('key-cert.pub'), 'utf8').split(' ');
      const certificate = parseCertificate(Buffer.from(base64!, 'base64'));
      expect(certificate).toMatchObject({ id: 'id', serial: 12n, principals: ['a.example.com', 'b'] });
      expect(certificate.key.equals(key)).toBe(true);
      expect(whyNotNow(certificate, Date.now())).toBeUndefined();

      writeFileSync(
        path('own'),
        certificateLine(issueCertificate(key, { authority: keys[by], principals: ['n'] })),
      );
      const shown = execFileSync('ssh-keygen', ['-Lf', path('own')], { encoding: 'utf8' });
      expect(shown).toMatch(/host certificate[^]*Serial: 7[^]*Principals: \n\s+n\n/);
    }
  },
);
