import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inventory, playbook, type PlayOptions } from './play.ts';
import { createPlan } from './plan.ts';
import {
  batchesOf,
  rolloutProblems,
  toleratedFailures,
  type HostShare,
  type RolloutOptions,
} from './rollout.ts';

const ten = Array.from({ length: 10 }, (_, index) => `h${index}`);
const sizes = (options: RolloutOptions, hosts = ten) =>
  batchesOf(hosts, options).map((batch) => batch.hosts.length);

describe('batches', () => {
  test.each<[RolloutOptions, number[]]>([
    [{}, [10]],
    [{ serial: 3 }, [3, 3, 3, 1]],
    [{ serial: 20 }, [10]],
    [{ serial: '25%' }, [2, 2, 2, 2, 2]],
    [{ serial: '1%' }, Array.from({ length: 10 }, () => 1)],
    [{ serial: '100%' }, [10]],
    // The last entry is repeated, and a share is one of all hosts, as in Ansible.
    [{ serial: [1, '50%'] }, [1, 5, 4]],
    [{ serial: [1, 2, '30%'] }, [1, 2, 3, 3, 1]],
    [{ canary: 1 }, [1, 9]],
    [{ canary: 2, serial: 4 }, [2, 4, 4]],
    [{ canary: '10%', serial: [2, '50%'] }, [1, 2, 5, 2]],
    [{ canary: 10 }, [10]],
  ])('%j', (options, expected) => {
    expect(sizes(options)).toEqual(expected);
  });

  test('only the first of them is the canary', () => {
    expect(batchesOf(ten, { canary: 1, serial: 1 }).filter(({ isCanary }) => isCanary)).toEqual([
      { hosts: ['h0'], isCanary: true },
    ]);
  });

  test('hold every host once and in order, and none is empty', () => {
    const share: fc.Arbitrary<HostShare> = fc.oneof(
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 100 }).map((percent): HostShare => `${percent}%`),
    );
    const options = fc.record(
      { serial: fc.oneof(share, fc.tuple(share, share)), canary: share },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(options, fc.integer({ min: 0, max: 60 }), (given, count) => {
        const hosts = Array.from({ length: count }, (_, index) => `h${index}`);
        const batches = batchesOf(hosts, given);
        expect(rolloutProblems(given)).toEqual([]);
        expect(batches.flatMap((batch) => batch.hosts)).toEqual(hosts);
        expect(batches.every((batch) => batch.hosts.length > 0)).toBe(true);
      }),
    );
  });
});

test.each<[HostShare | undefined, number]>([
  [undefined, 10],
  [0, 0],
  [3, 3],
  ['0%', 0],
  ['29%', 2],
  ['30%', 3],
  ['100%', 10],
])('with maxFail %s of 10 hosts, %i may fail', (maxFail, tolerated) => {
  expect(toleratedFailures(10, maxFail === undefined ? {} : { maxFail })).toBe(tolerated);
});

test.each([
  [{ serial: 0 }, 'serial is 0'],
  [{ serial: -1 }, 'serial is -1'],
  [{ serial: 1.5 }, 'serial is 1.5'],
  [{ serial: NaN }, 'serial is NaN'],
  [{ serial: Infinity }, 'serial is Infinity'],
  [{ serial: '0%' }, 'serial is "0%"'],
  [{ serial: '150%' }, 'serial is "150%"'],
  [{ serial: 'NaN%' }, 'serial is "NaN%"'],
  [{ serial: '1e1%' }, 'serial is "1e1%"'],
  [{ serial: [] }, 'serial is an empty list'],
  [{ serial: [1, 0] }, 'serial is 0'],
  [{ canary: 0 }, 'canary is 0'],
  [{ canary: '0%' }, 'canary is "0%"'],
  [{ maxFail: -1 }, 'maxFail is -1'],
  [{ maxFail: '101%' }, 'maxFail is "101%"'],
  [{ maxFail: null }, 'maxFail is null'],
])('%j is refused with the line of the play', (options, message) => {
  const site = inventory({ node: {} });
  const book = playbook(site.play('node', () => [], options as PlayOptions));
  expect(() => createPlan(book, { groups: new Map() })).toThrow(
    new RegExp(`PLAYBOOK — .*rollout.test.ts:\\d+:\\d+.*play "node": ${message}`),
  );
});

test('all that is wrong is told at once', () => {
  expect(
    rolloutProblems({ serial: [0, 0], canary: 0, maxFail: -1 } as unknown as RolloutOptions),
  ).toHaveLength(4);
});
