import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, it, vi } from 'vitest';
import { makeCertificate } from './test-authority.ts';
import type { Case } from './test-report.ts';
import { expectFindings, host, leaf, middle, root, san } from './test-report.ts';

// A recognised CA whose key we have, as no real one signs anything for a test.
const recognised = vi.hoisted((): X509Certificate[] => []);
vi.mock('./public-roots.ts', async (original) => {
  const { publicRoots } = await original<typeof import('./public-roots.ts')>();
  return { publicRoots: () => [...publicRoots(), ...recognised] };
});

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
const aloneCa = makeCertificate({ name: host, san, ca: true });

beforeAll(() => {
  recognised.push(new X509Certificate(publicRoot.pem));
});

describe('a CA of your own', () => {
  const namesake = makeCertificate({ name: 'Test Root', ca: true });
  // Old CAs have no key identifiers: then only the signature tells two of one name apart.
  const extensions = ['subjectKeyIdentifier = none', 'authorityKeyIdentifier = none'];
  const bareRoot = makeCertificate({ name: 'Bare Root', ca: true, extensions });
  const bareNamesake = makeCertificate({ name: 'Bare Root', ca: true, extensions });
  const bareLeaf = makeCertificate({ name: host, san, issuer: bareRoot, extensions });
  const cases: Case[] = [
    {
      name: 'not given',
      ca: false,
      problems: [['chain.pem', 'line 1', /needs the certificate of that CA/]],
    },
    {
      name: 'the intermediate is missing',
      chain: leaf.pem,
      problems: [
        [
          'chain.pem',
          1,
          /not complete: CN=Test Intermediate, which issued block 1 .* is neither in the file nor in ca\.pem/,
        ],
      ],
    },
    {
      name: 'the intermediate is missing between leaf and root',
      chain: leaf.pem + root.pem,
      problems: [['chain.pem', 1, /not complete: CN=Test Intermediate/]],
    },
    {
      name: 'the intermediate is in the CA file only',
      chain: leaf.pem,
      ca: middle.pem + root.pem,
      warnings: [['chain.pem', 1, /its issuer CN=Test Intermediate is in ca\.pem only/]],
    },
    {
      name: 'the CA file lacks the root',
      ca: middle.pem,
      problems: [
        [
          'ca.pem',
          1,
          /ca\.pem holds block 1 \(CN=Test Intermediate\) but not the root above it, CN=Test Root/,
        ],
      ],
    },
    { name: 'another CA', ca: aloneCa.pem, problems: [['chain.pem', 2, /not complete: CN=Test Root/]] },
    {
      name: 'another CA, with the root in the chain',
      chain: leaf.pem + middle.pem + root.pem,
      ca: aloneCa.pem,
      problems: [['chain.pem', 3, /leads to block 3 \(CN=Test Root\), which is not in ca\.pem/]],
      warnings: [['chain.pem', 3, /ends with its root/]],
    },
    {
      name: 'a CA of the same name with another key',
      ca: namesake.pem,
      problems: [['ca.pem', 1, /has the name of the issuer .* did not sign it/]],
    },
    {
      name: 'a CA of the same name with another key, without key identifiers',
      chain: bareLeaf.pem,
      key: bareLeaf.key,
      ca: bareNamesake.pem,
      problems: [['ca.pem', 1, /has the name of the issuer .* did not sign it/]],
    },
    {
      name: 'the server certificate among the CAs',
      ca: root.pem + leaf.pem,
      problems: [['ca.pem', 2, /block 2 \(CN=rancher\.example\.com\) is not a CA/]],
    },
    {
      name: 'self-signed, its own CA',
      chain: alone.pem,
      key: alone.key,
      ca: alone.pem,
      warnings: [['chain.pem', 1, /self-signed and serves as its own CA/]],
    },
    {
      name: 'self-signed with CA:TRUE, its own CA',
      chain: aloneCa.pem,
      key: aloneCa.key,
      ca: aloneCa.pem,
      warnings: [['chain.pem', 1, /serves as its own CA/]],
    },
    {
      name: 'self-signed, not in the CA file',
      chain: alone.pem,
      key: alone.key,
      problems: [['chain.pem', 1, /is self-signed and not in ca\.pem/]],
    },
    {
      name: 'a recognised one',
      chain: publicLeaf.pem + publicMiddle.pem,
      key: publicLeaf.key,
      ca: publicRoot.pem,
      warnings: [['chain.pem', 1, /comes from a recognised CA.*option of a recognised CA/]],
    },
    {
      name: 'a recognised one, and an unrelated CA file',
      chain: publicLeaf.pem + publicMiddle.pem,
      key: publicLeaf.key,
      problems: [['chain.pem', 2, /not complete: CN=Public Root/]],
      warnings: [['chain.pem', 1, /comes from a recognised CA/]],
    },
  ];
  it.each(cases)('$name', expectFindings);
});

describe('a recognised CA', () => {
  const trust = 'recognised-ca';
  const given = { trust, key: publicLeaf.key } as const;
  const cases: Case[] = [
    {
      ...given,
      name: 'the intermediate is missing',
      chain: publicLeaf.pem,
      problems: [
        ['chain.pem', 1, /not complete: CN=Public Intermediate.*\(http:\/\/ca\.example\.net\/middle\.der\)/],
      ],
    },
    {
      ...given,
      name: 'the root is included',
      chain: publicLeaf.pem + publicMiddle.pem + publicRoot.pem,
      warnings: [['chain.pem', 3, /ends with its root/]],
    },
    {
      ...given,
      name: 'reversed',
      chain: publicMiddle.pem + publicLeaf.pem,
      problems: [['chain.pem', 1, /reverse order/]],
    },
    {
      ...given,
      name: 'a CA file that is not used',
      chain: publicLeaf.pem + publicMiddle.pem,
      ca: root.pem,
      warnings: [['ca.pem', 'line 1', /not used/]],
    },
    {
      trust,
      name: 'a private chain without its root',
      problems: [['chain.pem', 2, /CN=Test Root, which issued block 2.*choose the option of an own CA/]],
    },
    {
      trust,
      name: 'a private chain with its root',
      chain: leaf.pem + middle.pem + root.pem,
      warnings: [
        ['chain.pem', 3, /ends with its root/],
        ['chain.pem', 3, /no recognised CA.*own CA/],
      ],
    },
    {
      trust,
      name: 'self-signed',
      chain: alone.pem,
      key: alone.key,
      warnings: [['chain.pem', 1, /is self-signed: clients will refuse it.*own CA/]],
    },
  ];
  it.each(cases)('$name', expectFindings);
});
