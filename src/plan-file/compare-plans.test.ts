import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Change } from '../core/change.ts';
import type { Problem } from '../core/errors.ts';
import { movedSteps, otherInput } from './compare-plans.ts';
import type { PlannedPlay, PlannedStep } from './plan-file.ts';
import { parsePlanFile } from './read-plan-file.ts';
import { hashOf, plannedStep, planFile } from './test-plan-file.ts';

const playsOf = (...steps: PlannedStep[]): PlannedPlay[] => [
  { name: 'web', hosts: [{ host: 'web-1', steps }] },
];

const told = (problems: readonly Problem[]) =>
  problems.map(({ code, host, step, happened }) => `${code} ${host ?? '-'} ${step ?? '-'}: ${happened}`);

const value = (path: string, have: string | undefined, want = 'x'): Change => ({
  type: 'value',
  path,
  want,
  ...(have !== undefined && { have }),
});

describe('another input', () => {
  const plays: PlannedPlay[] = [
    { name: 'web', hosts: [{ host: 'web-1', steps: [plannedStep(), plannedStep({ id: 'b' })] }] },
    { name: 'db', hosts: [{ host: 'db-1', steps: [plannedStep()] }] },
  ];

  test('is none when nothing has changed', () => {
    expect(otherInput(plays, structuredClone(plays))).toEqual([]);
  });

  test('is told by plays, hosts and steps, all at once', () => {
    const now: PlannedPlay[] = [
      {
        name: 'web',
        hosts: [
          { host: 'web-1', steps: [plannedStep({ want: hashOf('other') }), plannedStep({ id: 'c' })] },
          { host: 'web-2', steps: [] },
        ],
      },
      { name: 'cache', hosts: [] },
    ];
    const changed = 'inventory or playbook have changed since the plan was made';
    expect(told(otherInput(plays, now))).toEqual([
      `STALE_PLAN web-1 file /etc/motd: ${changed}: something else is wanted`,
      `STALE_PLAN web-1 b: ${changed}: the step is gone`,
      `STALE_PLAN web-1 c: ${changed}: the step is new`,
      `STALE_PLAN web-2 -: ${changed}: the host is new in play "web"`,
      `STALE_PLAN - -: ${changed}: play "db" is gone`,
      `STALE_PLAN - -: ${changed}: play "cache" is new`,
    ]);
  });

  test('is told when only the order is another', () => {
    expect(told(otherInput(plays, [...plays].reverse()))[0]).toMatch(
      'the order of plays, hosts or steps is another',
    );
  });
});

describe('a host that has moved', () => {
  const moved = (planned: Partial<PlannedStep>, now: Partial<PlannedStep>) =>
    told(movedSteps(playsOf(plannedStep(planned)), playsOf(plannedStep(now)))).map((line) =>
      line.replace(/^STALE_PLAN web-1 file \/etc\/motd: the host has moved since the plan was made: /, ''),
    );
  const other = { precondition: hashOf('moved') };

  test.each<[string, Partial<PlannedStep>, Partial<PlannedStep>, string]>([
    [
      'a value',
      { changes: [value('mode', '0600')] },
      { ...other, changes: [value('mode', '0666')] },
      'mode was 0600 and is 0666',
    ],
    ['one more value', { changes: [] }, { ...other, changes: [value('owner', 'me')] }, 'owner is me now'],
    [
      'what is as wanted',
      { changes: [value('mode', '0600')] },
      { ...other, changes: [] },
      'mode is as wanted now',
    ],
    [
      'what is gone',
      { changes: [value('mode', '0600')] },
      { ...other, changes: [value('mode', undefined)] },
      'mode was 0600 and is absent',
    ],
    [
      'a secret',
      { changes: [{ type: 'secret', path: 'content', have: 'differs' }] },
      { ...other, changes: [{ type: 'secret', path: 'content', have: 'absent' }] },
      'content was another secret and is absent',
    ],
    [
      'a text',
      { changes: [{ type: 'text', path: 'content', have: 'a\n', want: 'c\n' }] },
      { ...other, changes: [{ type: 'text', path: 'content', have: 'b\n', want: 'c\n' }] },
      'content is another',
    ],
    ['what no change shows', {}, other, 'what is read there is another'],
    [
      'an action that has become due',
      { status: 'ok', changes: [] },
      { status: 'would-change', changes: [] },
      'it was ok and is would-change',
    ],
  ])('is named with what differs: %s', (_, planned, now, story) => {
    expect(moved(planned, now)).toEqual([story]);
  });

  test('is named alone, without the steps that can only not be known any more because of it', () => {
    const planned = playsOf(
      plannedStep({ id: 'file /a' }),
      plannedStep({ id: 'http /', status: 'ok', changes: [] }),
    );
    const cause = plannedStep({ id: 'file /a', precondition: hashOf('moved') });
    const consequence = plannedStep({ id: 'http /', status: 'known-after-apply', changes: [] });
    expect(movedSteps(planned, playsOf(cause, consequence)).map(({ step }) => step)).toEqual(['file /a']);
    const [same] = planned[0]!.hosts[0]!.steps;
    expect(movedSteps(planned, playsOf(same!, consequence)).map(({ step }) => step)).toEqual(['http /']);
  });

  test('has not moved where only what was there before is said in other words', () => {
    expect(
      moved(
        { changes: [value('state', 'restarted 3 times')] },
        { changes: [value('state', 'restarted 4 times')] },
      ),
    ).toEqual([]);
  });

  test('has moved when the same state would now be changed otherwise', () => {
    expect(moved({}, { effects: [{ type: 'restart', what: 'nginx' }] })).toHaveLength(1);
    expect(
      moved({ changes: [value('mode', 'a', 'b')] }, { changes: [value('mode', 'a', 'c')] }),
    ).toHaveLength(1);
  });
});

describe('a plan file', () => {
  const json = fc.jsonValue({ maxDepth: 2 });
  const change = fc.oneof(
    fc.record(
      { type: fc.constant('value' as const), path: fc.string(), have: json, want: json },
      { requiredKeys: ['type', 'path'] },
    ),
    fc.record({
      type: fc.constant('secret' as const),
      path: fc.string(),
      have: fc.constantFrom('absent' as const, 'differs' as const),
    }),
    fc.record({ type: fc.constant('unknown' as const), path: fc.string() }),
  );
  const steps = fc.uniqueArray(
    fc.record({
      id: fc.string(),
      status: fc.constantFrom('ok' as const, 'would-change' as const),
      changes: fc.array(change, { maxLength: 3 }),
      want: fc.string().map(hashOf),
      precondition: fc.string().map(hashOf),
    }),
    { selector: ({ id }) => id, minLength: 1, maxLength: 5 },
  );

  test('decides the same after it was written and read', () => {
    fc.assert(
      fc.property(steps, (fields) => {
        const plays = playsOf(...fields.map((each) => plannedStep(each as Partial<PlannedStep>)));
        const read = parsePlanFile(JSON.stringify(planFile({ plays })), 'plan.json');
        expect(otherInput(read.plays, plays)).toEqual([]);
        expect(movedSteps(read.plays, plays)).toEqual([]);
      }),
    );
  });

  test('is refused when anything that decides was tampered with', () => {
    const tampers = fc.constantFrom<(step: PlannedStep) => PlannedStep | undefined>(
      (step) => ({ ...step, id: `${step.id}x` }),
      (step) => ({ ...step, want: hashOf('tampered') }),
      (step) => ({ ...step, precondition: hashOf('tampered') }),
      (step) => ({ ...step, status: step.status === 'ok' ? 'would-change' : 'ok' }),
      (step) => ({ ...step, changes: [...step.changes, value('more', undefined)] }),
      (step) => ({ ...step, effects: [] }),
      () => undefined,
    );
    fc.assert(
      fc.property(steps, fc.nat(), tampers, (fields, at, tamper) => {
        const plays = playsOf(...fields.map((each) => plannedStep(each as Partial<PlannedStep>)));
        const own = plays[0]!.hosts[0]!.steps;
        const changed = own.flatMap((step, index) =>
          index === at % own.length ? (tamper(step) ?? []) : step,
        );
        const written = playsOf(...changed);
        expect([
          ...otherInput(written, plays),
          ...(changed.length === own.length && otherInput(written, plays).length === 0
            ? movedSteps(written, plays)
            : []),
        ]).not.toEqual([]);
      }),
    );
  });
});
