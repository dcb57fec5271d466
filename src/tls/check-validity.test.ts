import { describe, it } from 'vitest';
import { makeCertificate } from './test-authority.ts';
import type { Case } from './test-report.ts';
import { expectFindings, host, inDays, root, san } from './test-report.ts';

describe('F38: the dates', () => {
  const brief = makeCertificate({ name: 'Brief Intermediate', ca: true, days: 10, issuer: root });
  const long = makeCertificate({ name: host, san, days: 400, issuer: brief });
  const briefRoot = makeCertificate({ name: 'Brief Root', ca: true, days: 100 });
  const outlives = makeCertificate({ name: host, san, days: 400, issuer: briefRoot });
  const cases: Case[] = [
    {
      name: 'expired',
      now: inDays(367),
      problems: [
        [
          'chain.pem',
          1,
          /block 1 \(CN=rancher\.example\.com\) expired on \d{4}-\d\d-\d\dT[\d:]+Z, 2 days ago/,
        ],
      ],
    },
    {
      name: 'not yet valid',
      now: inDays(-1),
      problems: [
        ['chain.pem', 1, /block 1 .*is not valid before \d{4}-.*clock/],
        ['chain.pem', 2, /not valid before/],
        ['ca.pem', 1, /not valid before/],
      ],
    },
    { name: 'expires soon', now: inDays(344), warnings: [['chain.pem', 1, /expires on .*, in 20 days/]] },
    { name: 'expires today', now: inDays(364.5), warnings: [['chain.pem', 1, /in less than a day/]] },
    {
      name: 'an expired intermediate',
      chain: long.pem + brief.pem,
      key: long.key,
      now: inDays(11.5),
      problems: [['chain.pem', 2, /block 2 \(CN=Brief Intermediate\) expired .* 1 day ago/]],
    },
    {
      name: 'an expired CA',
      chain: outlives.pem,
      key: outlives.key,
      ca: briefRoot.pem,
      now: inDays(101),
      problems: [['ca.pem', 1, /block 1 \(CN=Brief Root\) expired/]],
    },
    {
      name: 'a CA that expires soon',
      chain: outlives.pem,
      key: outlives.key,
      ca: briefRoot.pem,
      now: inDays(80),
      warnings: [['ca.pem', 1, /CN=Brief Root.* expires/]],
    },
  ];
  it.each(cases)('$name', expectFindings);
});
