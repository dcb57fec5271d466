import { X509Certificate, createHash } from 'node:crypto';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { convert, ecKey, makeCertificate, rsaKey } from './test-authority.ts';
import type { Case } from './test-report.ts';
import {
  check,
  expectFindings,
  host,
  inDays,
  inputOf,
  leaf,
  middle,
  root,
  san,
  withCrlf,
} from './test-report.ts';

// A recognised CA whose key we have, as no real one signs anything for a test.
const recognised = vi.hoisted((): X509Certificate[] => []);
vi.mock('./public-roots.ts', async (original) => {
  const { publicRoots } = await original<typeof import('./public-roots.ts')>();
  return { publicRoots: () => [...publicRoots(), ...recognised] };
});

const direct = makeCertificate({ name: host, san, issuer: root });
const publicRoot = makeCertificate({ name: 'Public Root', ca: true, days: 3650 });
const publicMiddle = makeCertificate({
  name: 'Public Intermediate',
  ca: true,
  days: 1000,
  issuer: publicRoot,
});
const aia = 'authorityInfoAccess = caIssuers;URI:http://ca.example.net/middle.der';
const publicLeaf = makeCertificate({ name: host, san, issuer: publicMiddle, extensions: [aia] });
const alone = makeCertificate({ name: host, san });
const rsaPkcs1 = rsaKey(2048, 'pkcs1');
const rsa = makeCertificate({ name: host, san, issuer: root, key: rsaPkcs1 });

beforeAll(() => {
  recognised.push(new X509Certificate(publicRoot.pem));
});

describe('checkCertificate', () => {
  describe('accepts without a word', () => {
    const good: Case[] = [
      { name: 'leaf and intermediate, root as CA' },
      { name: 'leaf and intermediate, intermediate and root as CA', ca: middle.pem + root.pem },
      { name: 'a leaf that the root signed', chain: direct.pem, key: direct.key },
      { name: 'an RSA key in PKCS#1', chain: rsa.pem, key: rsaPkcs1 },
      { name: 'a CA file with more CAs than needed', ca: publicRoot.pem + root.pem },
      {
        name: 'a chain to a recognised root',
        trust: 'recognised-ca',
        chain: publicLeaf.pem + publicMiddle.pem,
        key: publicLeaf.key,
      },
      { name: 'a key file of mode 0600', mode: 0o100600 },
      {
        name: 'an EC key after its parameters',
        key:
          convert(leaf.key, 'ecparam', '-name', 'prime256v1').toString() + convert(leaf.key, 'ec').toString(),
      },
      { name: 'text as bytes', chain: Buffer.from(leaf.pem + middle.pem), ca: Buffer.from(root.pem) },
    ];
    it.each(good)('$name', expectFindings);

    it.each([
      ['*.example.com', 'DNS:*.example.com', host],
      ['an IPv4 address', 'IP:10.0.0.5', '10.0.0.5'],
      ['an IPv6 address in another spelling', 'IP:fd00::5', 'FD00:0:0:0:0:0:0:5'],
      ['a name in other letters', 'DNS:RANCHER.example.com', host],
    ])('%s', (name, alternative, hostname) => {
      const made = makeCertificate({ name: 'x', san: alternative, issuer: root });
      expectFindings({ name, chain: made.pem, key: made.key, hostname });
    });
  });

  describe('F38: the key', () => {
    const cases: Case[] = [
      {
        name: 'of another certificate',
        key: direct.key,
        problems: [
          [
            'key.pem',
            1,
            /does not belong to the certificate of chain\.pem:1, block 1 \(CN=rancher\.example\.com\)/,
          ],
        ],
      },
      { name: 'of another kind', key: rsaPkcs1, problems: [['key.pem', 1, /does not belong/]] },
      { name: 'of the CA', key: root.key, problems: [['key.pem', 1, /does not belong.*key of the CA/]] },
      {
        name: 'of the intermediate',
        key: middle.key,
        problems: [['key.pem', 1, /does not belong.*key of the CA/]],
      },
    ];
    it.each(cases)('$name', expectFindings);

    it('that is weak and does not belong: both are said', () => {
      const weak = rsaKey(1024);
      expectFindings({
        name: '',
        key: weak,
        problems: [
          ['key.pem', 1, /does not belong/],
          ['key.pem', 1, /the private key has an RSA key of 1024 bits/],
        ],
      });
    });
  });

  it('says everything at once, in the order of files and lines', () => {
    const bad = makeCertificate({
      name: 'x',
      san: 'DNS:other.test',
      key: rsaKey(1024),
      days: 5,
      issuer: middle,
    });
    expectFindings({
      name: '',
      chain: withCrlf(middle.pem + bad.pem),
      key: ecKey(),
      mode: 0o644,
      ca: alone.pem,
      now: inDays(10),
      problems: [
        ['chain.pem', 1, /reverse order/],
        ['chain.pem', 1, /not complete/],
        ['chain.pem', 2, /does not cover/],
        ['chain.pem', 2, /expired/],
        ['chain.pem', 2, /1024 bits/],
        ['key.pem', 1, /does not belong/],
        ['ca.pem', 1, /is not a CA/],
      ],
      warnings: [
        ['chain.pem', 'line 1', /CRLF/],
        ['key.pem', 'line 1', /0644/],
      ],
    });
  });

  describe('what it returns', () => {
    it('describes the server certificate, wherever in the file it is', () => {
      const x509 = new X509Certificate(leaf.pem);
      for (const chain of [leaf.pem + middle.pem, middle.pem + leaf.pem]) {
        expect(check(inputOf({ chain })).leaf).toEqual({
          subject: `CN=${host}`,
          fingerprint256: x509.fingerprint256,
          notAfter: new Date(x509.validTo),
          names: [host],
        });
      }
    });

    it('lists names and addresses, and no other kinds', () => {
      const made = makeCertificate({
        name: 'x',
        issuer: root,
        san: `${san},DNS:*.b.test,IP:10.0.0.1,IP:fd00::1,URI:http://u.test,email:a@b.test`,
      });
      const { names } = check(inputOf({ chain: made.pem, key: made.key })).leaf!;
      expect(names).toEqual([host, '*.b.test', '10.0.0.1', 'FD00:0:0:0:0:0:0:1']);
    });

    it('gives one and the same text and checksum, however the files were written', () => {
      const plain = check(inputOf({ ca: middle.pem + root.pem }));
      const odd = check(
        inputOf({
          chain: Buffer.from(
            `\uFEFF${withCrlf(`# leaf\n${leaf.pem}\n\n# intermediate\n${middle.pem}`)}\r\n\r\n`,
          ),
          key: `Bag Attributes\n${withCrlf(leaf.key)}`,
          ca: `  ${`${middle.pem}\n${root.pem}`.trim().replaceAll('\n', '\n  ')}`,
        }),
      );
      expect(odd.problems).toEqual([]);
      expect(odd.normalised.chain).toBe(leaf.pem + middle.pem);
      expect(odd.normalised.ca).toBe(middle.pem + root.pem);
      expect(odd.normalised.key.reveal()).toBe(leaf.key);
      expect({ ...odd, warnings: [] }).toEqual({ ...plain, normalised: odd.normalised, warnings: [] });
      expect(plain.caChecksum).toBe(
        createHash('sha256')
          .update(`${(middle.pem + root.pem).trim()}\n`)
          .digest('hex'),
      );
    });

    it('has no CA and no checksum for a recognised CA', () => {
      const report = check(
        inputOf({
          trust: 'recognised-ca',
          chain: publicLeaf.pem + publicMiddle.pem,
          key: publicLeaf.key,
          ca: root.pem,
        }),
      );
      expect(report.normalised).not.toHaveProperty('ca');
      expect(report).not.toHaveProperty('caChecksum');
    });

    it('keeps a private key out of the normalised chain', () => {
      const { normalised } = check(inputOf({ chain: leaf.key + leaf.pem + middle.pem }));
      expect(normalised.chain).toBe(leaf.pem + middle.pem);
    });
  });
});
