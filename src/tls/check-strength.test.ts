import { describe, it } from 'vitest';
import { convert, ecKey, makeCertificate, rsaKey } from './test-authority.ts';
import type { Case } from './test-report.ts';
import { expectFindings, host, root, san } from './test-report.ts';

describe('the strength', () => {
  const weak = (wish: Partial<Parameters<typeof makeCertificate>[0]>) => {
    const { pem: chain, key } = makeCertificate({ name: host, san, issuer: root, ...wish });
    return { chain, key };
  };
  const rsaRoot = makeCertificate({ name: 'RSA Root', ca: true, key: rsaKey() });
  const weakRoot = makeCertificate({ name: 'Weak Root', ca: true, key: rsaKey(1024) });
  const sha1Root = makeCertificate({ name: 'Old Root', ca: true, hash: 'sha1' });
  const sha1Middle = makeCertificate({ name: 'Old Intermediate', ca: true, issuer: root, hash: 'sha1' });
  const cases: Case[] = [
    {
      ...weak({ key: rsaKey(1024) }),
      name: 'RSA of 1024 bits',
      problems: [['chain.pem', 1, /RSA key of 1024 bits/]],
    },
    {
      ...weak({ key: ecKey('secp224r1') }),
      name: 'a small curve',
      problems: [['chain.pem', 1, /curve secp224r1/]],
    },
    {
      ...weak({ key: ecKey('secp256k1') }),
      name: 'a curve that clients lack',
      problems: [['chain.pem', 1, /curve secp256k1/]],
    },
    { ...weak({ key: ecKey('P-384') }), name: 'P-384' },
    { ...weak({ key: rsaKey(3072) }), name: 'RSA of 3072 bits' },
    {
      ...weak({ key: convert('', 'genpkey', '-algorithm', 'ED25519').toString() }),
      name: 'Ed25519',
      warnings: [['chain.pem', 1, /Ed25519/]],
    },
    { ...weak({ hash: 'sha1' }), name: 'SHA-1', warnings: [['chain.pem', 1, /signed with SHA-1/]] },
    {
      ...weak({ hash: 'md5', issuer: rsaRoot }),
      ca: rsaRoot.pem,
      name: 'MD5',
      problems: [['chain.pem', 1, /signed with MD5/]],
    },
    {
      ...weak({ issuer: weakRoot }),
      ca: weakRoot.pem,
      name: 'a weak CA',
      problems: [['ca.pem', 1, /CN=Weak Root\) has an RSA key of 1024 bits/]],
    },
    { ...weak({ issuer: sha1Root }), ca: sha1Root.pem, name: 'a root that signed itself with SHA-1' },
  ];
  it.each(cases)('$name', expectFindings);

  it('an intermediate that is signed with SHA-1', () => {
    const made = makeCertificate({ name: host, san, issuer: sha1Middle });
    expectFindings({
      name: '',
      chain: made.pem + sha1Middle.pem,
      key: made.key,
      warnings: [['chain.pem', 2, /CN=Old Intermediate\) is signed with SHA-1/]],
    });
  });
  it('an RSA certificate that is signed with SHA-1', () => {
    const oldRsa = makeCertificate({ name: 'Old RSA Root', ca: true, key: rsaKey() });
    const made = makeCertificate({ name: host, san, issuer: oldRsa, hash: 'sha1' });
    expectFindings({
      name: '',
      chain: made.pem,
      key: made.key,
      ca: oldRsa.pem,
      warnings: [['chain.pem', 1, /signed with SHA-1/]],
    });
  });
});
