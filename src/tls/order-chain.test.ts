import { describe, it } from 'vitest';
import { makeCertificate } from './test-authority.ts';
import type { Case } from './test-report.ts';
import { expectFindings, host, leaf, middle, root, san } from './test-report.ts';

describe('F38: the order of the chain', () => {
  const second = makeCertificate({ name: 'Second Intermediate', ca: true, issuer: middle });
  const deep = makeCertificate({ name: host, san, issuer: second });
  const notCa = makeCertificate({ name: 'Not A CA', issuer: root });
  const below = makeCertificate({ name: host, san, issuer: notCa });
  const stray = makeCertificate({ name: 'Stray', ca: true });
  const reversed =
    /reverse order: the server certificate is its last, block 2 \(CN=rancher\.example\.com\).*: block 2 \(CN=rancher\.example\.com\), block 1 \(CN=Test Intermediate\)$/;
  const cases: Case[] = [
    { name: 'reversed', chain: middle.pem + leaf.pem, problems: [['chain.pem', 1, reversed]] },
    {
      name: 'two intermediates exchanged',
      chain: deep.pem + middle.pem + second.pem,
      key: deep.key,
      problems: [
        [
          'chain.pem',
          2,
          /block 3 \(CN=Second Intermediate\) should come before block 2 \(CN=Test Intermediate\).*: block 1 \(CN=rancher\.example\.com\), block 3 .*, block 2 /,
        ],
      ],
    },
    {
      name: 'the leaf in the middle',
      chain: second.pem + deep.pem + middle.pem,
      key: deep.key,
      problems: [
        [
          'chain.pem',
          1,
          /block 2 \(CN=rancher\.example\.com\) should come before block 1 \(CN=Second Intermediate\)/,
        ],
      ],
    },
    {
      name: 'a repeated block',
      chain: leaf.pem + middle.pem + middle.pem,
      problems: [['chain.pem', 3, /block 3 \(CN=Test Intermediate\) repeats block 2/]],
    },
    {
      name: 'a stray block',
      chain: leaf.pem + stray.pem + middle.pem,
      problems: [['chain.pem', 2, /block 2 \(CN=Stray\) did not issue/]],
    },
    {
      name: 'a stray CA before the server certificate, and the key of another',
      chain: stray.pem + leaf.pem + middle.pem,
      key: deep.key,
      problems: [
        ['chain.pem', 1, /block 1 \(CN=Stray\) did not issue/],
        ['key.pem', 1, /does not belong to the certificate of chain\.pem:\d+, block 2 \(CN=rancher/],
      ],
    },
    {
      name: 'no server certificate',
      chain: middle.pem,
      key: middle.key,
      problems: [['chain.pem', 1, /is a CA \(CA:TRUE\), and the file holds no server certificate/]],
    },
    {
      name: 'an issuer that is no CA',
      chain: below.pem + notCa.pem,
      key: below.key,
      problems: [['chain.pem', 2, /block 2 \(CN=Not A CA\) issued another block and is not a CA/]],
    },
    {
      name: 'the root at its end',
      chain: leaf.pem + middle.pem + root.pem,
      warnings: [['chain.pem', 3, /ends with its root, block 3 \(CN=Test Root\)/]],
    },
    {
      name: 'reversed, with the root',
      chain: root.pem + middle.pem + leaf.pem,
      problems: [['chain.pem', 1, /reverse order/]],
      warnings: [['chain.pem', 1, /ends with its root/]],
    },
  ];
  it.each(cases)('$name', expectFindings);
});
