import { describe, expect, it } from 'vitest';
import { makeCertificate } from './test-authority.ts';
import type { Case } from './test-report.ts';
import { check, expectFindings, host, inputOf, root, san } from './test-report.ts';

describe('F38: the names', () => {
  const serverOf = (wish: Partial<Parameters<typeof makeCertificate>[0]>) => {
    const { pem: chain, key } = makeCertificate({ name: host, issuer: root, ...wish });
    return { chain, key };
  };
  const eku = (usage: string) => serverOf({ san, extensions: [`extendedKeyUsage = ${usage}`] });
  const cases: Case[] = [
    {
      ...serverOf({}),
      name: 'in the common name only',
      problems: [['chain.pem', 1, /names rancher\.example\.com only as its common name/]],
    },
    { ...serverOf({ name: 'x' }), name: 'none at all', problems: [['chain.pem', 1, /names no host/]] },
    {
      ...serverOf({ san: 'DNS:other.example.net, IP:10.0.0.1' }),
      name: 'of another host',
      problems: [
        [
          'chain.pem',
          1,
          /does not cover rancher\.example\.com: it is for other\.example\.net, 10\.0\.0\.1; have.*DNS:rancher/,
        ],
      ],
    },
    {
      name: 'one letter off',
      hostname: 'rancer.example.com',
      problems: [['chain.pem', 1, /did you mean rancher\.example\.com\?/]],
    },
    {
      ...serverOf({ san: 'DNS:*.com' }),
      name: 'a star for two names',
      problems: [['chain.pem', 1, /\(\*\.com stands for exactly one name/]],
    },
    {
      ...serverOf({ san: 'DNS:*.rancher.example.com' }),
      name: 'a star for no name',
      problems: [['chain.pem', 1, /exactly one name/]],
    },
    {
      ...serverOf({ san: 'DNS:ran*.example.com' }),
      name: 'a star for a part of a name',
      problems: [['chain.pem', 1, /does not cover/]],
    },
    {
      name: 'an address that is not in it',
      hostname: '10.0.0.5',
      problems: [['chain.pem', 1, /does not cover 10\.0\.0\.5.*IP:10\.0\.0\.5/]],
    },
    {
      ...serverOf({ san: [1, 2, 3, 4, 5, 6, 7].map((n) => `DNS:h${n}.test`).join(', ') }),
      name: 'many',
      problems: [['chain.pem', 1, /h5\.test and 2 more/]],
    },
    { ...eku('clientAuth'), name: 'for clients', problems: [['chain.pem', 1, /not for servers/]] },
    { ...eku('clientAuth, serverAuth'), name: 'for clients and servers' },
    { ...eku('anyExtendedKeyUsage'), name: 'for any purpose' },
  ];
  it.each(cases)('$name', expectFindings);

  it('prints no control characters of a hostile certificate', () => {
    const made = makeCertificate({ name: '\u001b[31mred\u202e\u009b', issuer: root, san: 'DNS:x' });
    const report = check(inputOf({ chain: made.pem, key: made.key }));
    expect(report.problems).toHaveLength(1);
    expect(JSON.stringify([report.problems[0]?.happened, report.leaf?.subject])).not.toMatch(
      /[\u0000-\u001f\u007f-\u009f\u202e]|\\u001b/,
    );
  });
});
