import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Plan, PlayPlan } from './plan.ts';
import { slicePlan } from './slice-plan.ts';

const hosts = Array.from({ length: 12 }, (_, index) => `h${index}`);

const play = fc
  .record({
    members: fc.subarray(hosts),
    dependsOn: fc.oneof(fc.constant<string[]>([]), fc.subarray(hosts, { maxLength: 3 })),
    rollout: fc.constantFrom({}, {}, {}, { serial: 1 }, { maxFail: 0 }, { canary: 1 }),
  })
  .map(({ members, dependsOn, rollout }): PlayPlan => ({
    name: `play of ${members.length}`,
    group: 'g',
    rollout,
    dependsOn,
    hosts: members.map((host) => ({ host, steps: [], notes: [] })),
  }));
const plan = fc.array(play, { maxLength: 4 }).map((plays): Plan => ({ plays }));
const namesOf = ({ plays }: Plan) => [
  ...new Set(plays.flatMap((each) => each.hosts.map(({ host }) => host))),
];
const slicesOf = (whole: Plan, of: number) =>
  Array.from({ length: of }, (_, index) => slicePlan(whole, { index: index + 1, of }, 'digest'));

test('each host is in exactly one slice, with all its plays', () => {
  fc.assert(
    fc.property(plan, fc.integer({ min: 1, max: 15 }), (whole, of) => {
      const slices = slicesOf(whole, of);
      expect(slices.flatMap(namesOf).sort()).toEqual(namesOf(whole).sort());
      for (const [index, each] of whole.plays.entries()) {
        const own = slices.flatMap(({ plays }) => plays[index]!.hosts);
        expect(new Set(own)).toEqual(new Set(each.hosts));
        expect(own).toHaveLength(each.hosts.length);
      }
    }),
  );
});

test('hosts that one run must coordinate are in one slice', () => {
  fc.assert(
    fc.property(plan, fc.integer({ min: 1, max: 15 }), (whole, of) => {
      const slices = slicesOf(whole, of).map(namesOf);
      const sliceOf = (host: string) => slices.findIndex((slice) => slice.includes(host));
      for (const { rollout, hosts: members, dependsOn } of whole.plays) {
        const own = members.map(({ host }) => host);
        const needs = dependsOn.filter((host) => namesOf(whole).includes(host));
        const together = own.length > 0 && needs.length > 0 ? [...own, ...needs] : [];
        const rolled = Object.keys(rollout ?? {}).length > 0 ? own : [];
        for (const group of [together, rolled]) expect(new Set(group.map(sliceOf)).size).toBeLessThan(2);
      }
    }),
  );
});

test('hosts that have nothing to do with each other are spread evenly, and the order stays', () => {
  const whole: Plan = {
    plays: [
      { name: 'p', group: 'g', dependsOn: [], hosts: hosts.map((host) => ({ host, steps: [], notes: [] })) },
    ],
  };
  const slices = slicesOf(whole, 5).map(namesOf);
  expect(slices.map(({ length }) => length)).toEqual([3, 3, 2, 2, 2]);
  expect(slices[0]).toEqual(['h0', 'h5', 'h10']);
  expect(slicesOf(whole, 13).map(namesOf).at(-1)).toEqual([]);
});
