import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { block } from './block.ts';
import { condition } from './condition.ts';
import { action, onChange } from './action.ts';
import { ProvisionError } from './errors.ts';
import { createPlan, type ResolvedInventory } from './plan.ts';
import { inventory, playbook } from './play.ts';
import { requirement } from './requirement.ts';
import { resource } from './resource.ts';
import { hostsWithoutStart, selectSteps, type StepSelection } from './select-steps.ts';

const check = condition({
  kind: 'thing',
  id: (name: string) => name,
  observe: async () => ({ holds: true, saw: 'it' }),
  timeoutMs: () => 0,
  remedy: () => 'none',
});
const thing = resource({
  kind: 'thing',
  want: (props: { name: string }) => props,
  id: ({ name }) => name,
  read: async () => undefined,
  apply: async () => undefined,
});
const reload = action({ kind: 'reload', id: (name: string) => name, run: async () => undefined });
const memory = requirement({
  name: 'memory',
  rule: 'some',
  check: async () => ({ level: 'pass' as const, figure: '1' }),
});

const site = inventory({ node: {}, lb: {} });
const key = thing({ name: 'key' });
const book = playbook(
  site.play('node', () => [memory, check('docker'), check('rancher')], { tags: ['node'] }),
  site.play('lb', () => [
    check('nginx'),
    block({ tags: ['tls'] }, [key, check('chain')]),
    onChange(key, reload('nginx')),
  ]),
);
const resolved: ResolvedInventory = {
  groups: new Map(
    ['node', 'lb'].map((group) => [group, [{ name: `${group}-1`, address: group, vars: new Map() }]]),
  ),
};
const plan = createPlan(book, resolved);

/** What is left to do, in order. */
function kept(selection: StepSelection): string[] {
  return selectSteps(plan, selection)
    .plays.flatMap((play) => play.hosts)
    .flatMap(({ steps, leftOut = {} }) => steps.filter(({ id }) => leftOut[id] === undefined))
    .map(({ id }) => id);
}

const requirementOnly = 'requirement memory';
const all = [requirementOnly, 'thing docker', 'thing rancher', 'thing nginx', 'thing key', 'thing chain'];
const reloading = plan.plays[1]!.hosts[0]!.steps.at(-1)!.id;

describe('a choice of steps', () => {
  test('--only takes tags and ids; requirements stay', () => {
    expect(kept({ only: ['thing nginx'] })).toEqual([requirementOnly, 'thing nginx']);
    expect(kept({ only: ['thing ch*'] })).toEqual([requirementOnly, 'thing chain']);
    expect(kept({ only: ['node'] })).toEqual(all.slice(0, 3));
  });

  test('--only keeps the action that is due when a chosen step changes', () => {
    expect(kept({ only: ['tls'] })).toEqual([requirementOnly, 'thing key', 'thing chain', reloading]);
    expect(kept({ only: ['tls'], skip: ['*reload*'] })).toEqual([
      requirementOnly,
      'thing key',
      'thing chain',
    ]);
  });

  test('--skip takes away, requirements too where they are named', () => {
    expect(kept({ skip: ['tls'] })).toEqual([...all.slice(0, 4), reloading]);
    expect(kept({ skip: ['requirement *', 'node'] })).toEqual([...all.slice(3), reloading]);
  });

  test('--start-at leaves out what stands before, in earlier plays too', () => {
    expect(kept({ startAt: 'thing rancher' })).toEqual([requirementOnly, ...all.slice(2), reloading]);
    expect(kept({ startAt: 'tls' })).toEqual([requirementOnly, 'thing key', 'thing chain', reloading]);
  });

  test('--tags and --skip-tags look at tags alone', () => {
    expect(kept({ tags: ['tls'] })).toEqual(kept({ only: ['tls'] }));
    expect(() => kept({ tags: ['thing nginx'] })).toThrow('known tags: node, tls');
  });

  test('each step that is left out says why', () => {
    const { leftOut } = selectSteps(plan, { only: ['tls'], skip: ['thing key'] }).plays[1]!.hosts[0]!;
    expect(leftOut).toEqual({
      'thing nginx': 'left out by --only tls',
      'thing key': 'left out by --skip "thing key"',
    });
  });

  test('with no choice the plan is the same', () => {
    expect(selectSteps(plan, {})).toBe(plan);
  });
});

describe('where a choice starts', () => {
  const mixed = inventory({ web: {}, db: {} });
  const names = ['web-1', 'web-2', 'web-3'];
  const hosts = names.map((name) => ({ name, address: name, vars: new Map() }));
  const groups = new Map([
    ['web', hosts],
    ['db', [{ name: 'db-1', address: 'db', vars: new Map() }]],
  ]);
  const mixedBook = playbook(
    mixed.play('db', () => [check('before')]),
    mixed.play('web', ({ host }) => [
      check('common'),
      ...(host.name === 'web-2' ? [] : [check('own')]),
      check('last'),
    ]),
    mixed.play('db', () => [check('after')], { gate: () => [check('alive')] }),
    mixed.play('web', () => [check('end')]),
  );
  const whole = createPlan(mixedBook, { groups });
  const done = (startAt: string) =>
    selectSteps(whole, { startAt }).plays.map((play) =>
      play.hosts.flatMap(({ host, steps, leftOut = {} }) =>
        steps.filter(({ id }) => leftOut[id] === undefined).map(({ id }) => `${host} ${id}`),
      ),
    );

  test('a host that has no such step does nothing in that play, and all of the later ones', () => {
    expect(done('thing own')).toEqual([
      [],
      ['web-1 thing own', 'web-1 thing last', 'web-3 thing own', 'web-3 thing last'],
      ['db-1 thing after'],
      ['web-1 thing end', 'web-2 thing end', 'web-3 thing end'],
    ]);
    expect(hostsWithoutStart(whole, { startAt: 'thing own' })).toEqual({ play: 'web', hosts: ['web-2'] });
  });

  test('where all hosts have it, none is without', () => {
    expect(hostsWithoutStart(whole, { startAt: 'thing common' })?.hosts).toEqual([]);
    expect(hostsWithoutStart(whole, {})).toBeUndefined();
  });

  test('a gate is no place to start at', () => {
    expect(() => done('gate thing alive')).toThrow('is like no step');
  });
});

test.each<[StepSelection, string]>([
  [{ only: ['tsl'] }, 'did you mean "tls"?'],
  [{ skip: ['thing nignx'] }, 'did you mean "thing nginx"?'],
  [{ startAt: 'thing' }, 'did you mean "thing *"?'],
  [{ startAt: 'thing ranchre' }, 'did you mean "thing rancher"?'],
  [{ only: ['nothing like that'] }, 'provision check lists the steps'],
  [{ only: ['tls'], skip: ['tls', '*reload*'] }, 'leaves no step to do'],
])('%j is refused: %s', (selection, message) => {
  expect(() => kept(selection)).toThrow(ProvisionError);
  expect(() => kept(selection)).toThrow(message);
});

test('all patterns that are wrong are told at once', () => {
  expect(() => kept({ only: ['a', 'b'], skip: ['c'], startAt: 'd' })).toThrow(
    /--only a.*--only b.*--skip c.*--start-at d/s,
  );
});

test('what is skipped is never done, what is not chosen never either, and requirements always are', () => {
  const patterns = fc.subarray(['tls', 'node', 'thing *', 'thing nginx', 'thing key']);
  fc.assert(
    fc.property(patterns, patterns, (only, skip) => {
      let done: string[];
      try {
        done = kept({ only, skip });
      } catch (error) {
        expect((error as ProvisionError).message).toContain('leaves no step');
        return;
      }
      expect(done).toEqual(kept({}).filter((id) => done.includes(id)));
      if (!skip.includes('node')) expect(done).toContain(requirementOnly);
      if (skip.includes('tls')) expect(done).not.toContain('thing key');
      if (only.length > 0 && !only.some((one) => one === 'node' || one === 'thing *'))
        expect(done).not.toContain('thing docker');
    }),
  );
});
