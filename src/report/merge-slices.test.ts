import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { brokenHost, note, runOn } from '../../test/support/engine-run.ts';
import { ProvisionError } from '../core/errors.ts';
import type { RunEvent } from '../core/event.ts';
import { inventory, playbook } from '../core/play.ts';
import { slicePlan } from '../core/slice-plan.ts';
import { combineExits } from '../engine/exit-code.ts';
import { planDigest } from '../engine/plan-digest.ts';
import { mergeSlices } from './merge-slices.ts';
import { readEventStream, type EventStream } from './read-event-stream.ts';

const site = inventory({ web: {}, lb: {}, db: {} });
const books = {
  independent: playbook(
    site.play('web', () => [note({ path: '/web', text: 'x' })], { notes: () => ['web is up'] }),
    site.play('lb', () => [note({ path: '/lb', text: 'x' })]),
    site.play('web', () => [note({ path: '/again', text: 'x' })]),
  ),
  dependent: playbook(
    site.play('web', () => [note({ path: '/web', text: 'x' })]),
    site.play('lb', ({ groups }) => [note({ path: '/lb', text: groups.web.map(({ name }) => name).join() })]),
    site.play('db', () => [note({ path: '/db', text: 'x' })]),
  ),
  rolling: playbook(
    site.play('web', () => [note({ path: '/web', text: 'x' })], { serial: [1, '50%'], maxFail: 1 }),
    site.play('db', () => [note({ path: '/db', text: 'x' })]),
  ),
};

const groups = {
  web: ['w1', 'w2', 'w3', 'w4', 'both'],
  lb: ['l1', 'l2', 'both'],
  db: ['d1', 'd2', 'd3'],
};
const all = [...new Set(Object.values(groups).flat())];

type Case = { book: keyof typeof books; broken: string[]; mode: 'apply' | 'check' };

async function runs({ book, broken, mode }: Case, of: number) {
  const hosts = () => Object.fromEntries(broken.map((name) => [name, brokenHost(name)]));
  const whole = await runOn(books[book], groups, { mode, hosts: hosts() });
  const slices = [];
  for (let index = 1; index <= of; index++) {
    const steer: NonNullable<Parameters<typeof runOn>[2]>['steer'] = (plan) =>
      slicePlan(plan, { index, of }, planDigest(plan));
    slices.push(await runOn(books[book], groups, { mode, hosts: hosts(), steer }));
  }
  return { whole, slices };
}

const streamOf = (events: readonly RunEvent[], file: string) =>
  ({ file, events, start: events[0], summary: events.at(-1) }) as EventStream;

/** But for the places in this very test from which the steps came. */
const ofHost = (events: readonly RunEvent[], name: string) =>
  events
    .filter((event) => 'host' in event && event.host === name)
    .map((event) => JSON.stringify(event, (key, value: unknown) => (key === 'at' ? undefined : value)));

test(
  'slices and a merge are one run: hosts, steps, order, counts, notes, exit code',
  { timeout: 60_000 },
  async () => {
    const cases = fc.record({
      book: fc.constantFrom(...(Object.keys(books) as (keyof typeof books)[])),
      broken: fc.subarray(all),
      mode: fc.constantFrom('apply' as const, 'check' as const),
    });
    await fc.assert(
      fc.asyncProperty(cases, fc.integer({ min: 1, max: 5 }), async (given, of) => {
        const { whole, slices } = await runs(given, of);
        const streams = slices.map(({ events }, index) => streamOf(events, `slice-${index + 1}`));
        const merged = mergeSlices(streams.reverse(), combineExits);
        expect(merged[0]).toEqual(whole.events[0]);
        expect(merged.at(-1)).toEqual(whole.events.at(-1));
        for (const host of all) expect(ofHost(merged, host)).toEqual(ofHost(whole.events, host));
        const phases = (events: readonly RunEvent[]) => events.filter(({ event }) => event === 'phase');
        expect(phases(merged)).toEqual(phases(whole.events));
        expect(combineExits(slices.map(({ exit }) => exit))).toBe(whole.exit);
      }),
      { numRuns: 40 },
    );
  },
);

describe('what is no whole set of slices is refused, all of it at once', () => {
  const folder = mkdtempSync(join(tmpdir(), 'merge-slices-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const given: Case = { book: 'independent', broken: ['w1'], mode: 'apply' };
  const problemsOf = (streams: readonly EventStream[]) => {
    try {
      mergeSlices(streams, combineExits);
    } catch (error) {
      return (error as ProvisionError).problems.map(({ happened }) => happened);
    }
    return [];
  };
  const save = (name: string, lines: readonly (RunEvent | string)[]) => {
    const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const faultsOf = async (name: string, lines: readonly (RunEvent | string)[]) => {
    const read = await readEventStream(save(name, lines));
    return 'problems' in read ? read.problems.map(({ happened, at }) => `${at![0]!.line}: ${happened}`) : [];
  };

  test('a slice that is missing, there twice, or of another plan', async () => {
    const { slices, whole } = await runs(given, 3);
    const [one, two] = slices.map(({ events }, index) => streamOf(events, `${index + 1}.jsonl`));
    expect(problemsOf([one!, two!])).toEqual(['slice 3 of 3 is missing']);
    expect(problemsOf([one!, one!, two!])).toEqual([
      'it is slice 1 of 3, as is 1.jsonl',
      'slice 3 of 3 is missing',
    ]);
    const other = await runs({ ...given, book: 'rolling' }, 3);
    const strange = streamOf(other.slices[2]!.events, 'other.jsonl');
    expect(problemsOf([one!, two!, strange])[0]).toBe('it was made from another plan than 1.jsonl');
    expect(problemsOf([one!, streamOf(whole.events, 'whole.jsonl')])).toEqual([
      'it is no slice: its run was for all hosts',
    ]);
  });

  test('a run that was killed, lines that were lost, and what is something else', async () => {
    const { slices } = await runs(given, 2);
    const { events } = slices[0]!;
    const { length } = events;
    expect(await faultsOf('whole', events)).toEqual([]);
    expect(await faultsOf('killed', events.slice(0, -1))).toEqual([expect.stringContaining('no summary')]);
    const torn = [...events.slice(0, -1), JSON.stringify(events.at(-1)).slice(0, 20)];
    expect(await faultsOf('torn', torn)).toEqual([
      expect.stringMatching(new RegExp(`^${length}: .*no JSON`)),
    ]);
    const lacking = events.filter((event, index) => event.event !== 'step' || index % 2 === 0);
    expect((await faultsOf('lacking', lacking))[0]).toContain('its summary counts');
    expect(await faultsOf('twice', [...events, ...events])).toContainEqual(
      expect.stringMatching(new RegExp(`^${length + 1}: a second run begins here`)),
    );
    const newer = { ...events[0], schema: '2.0' } as unknown as RunEvent;
    expect((await faultsOf('newer', [newer, ...events.slice(1)]))[0]).toContain('another schema than 1.0');
    expect(await faultsOf('empty', [])).toHaveLength(2);
    expect(
      await faultsOf('foreign', ['[]', '{"event":"toString"}', 'null', '{"event":"step"}']),
    ).toHaveLength(4);
    expect('problems' in (await readEventStream(folder))).toBe(true);
    expect('problems' in (await readEventStream(join(folder, 'nowhere')))).toBe(true);
  });

  test('whatever a file holds, it is told and not thrown', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(fc.json(), fc.string())), async (lines) => {
        expect('problems' in (await readEventStream(save('any', lines)))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});
