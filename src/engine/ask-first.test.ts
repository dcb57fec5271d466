import { expect, test } from 'vitest';
import { hostNamed, note, reload, runOn } from '../../test/support/engine-run.ts';
import { onChange } from '../core/action.ts';
import { inventory, playbook } from '../core/play.ts';

const site = inventory({ node: {} });
const book = playbook(
  site.play('node', () => {
    const config = note({ path: '/app.conf', text: 'v2' });
    return [config, note({ path: '/b', text: 'x' }), onChange(config, reload('app'))];
  }),
);
const groups = { node: ['n1', 'n2'] };

/** Answers by the id of the step, and notes what was asked. */
function person(no: readonly string[] = []) {
  const asked: string[] = [];
  return {
    asked,
    confirm: async (host: string, { id }: { id: string }) => {
      asked.push(`${host} ${id}`);
      return !no.includes(id);
    },
  };
}

test('each change and each action is asked for, and nothing where nothing would change', async () => {
  const hosts = { n1: hostNamed('n1'), n2: hostNamed('n2') };
  await hosts.n2.writeFile('/b', 'x', { mode: '0644' });
  const { asked, confirm } = person();
  const { exit } = await runOn(book, groups, { hosts, confirm, forks: 1 });
  expect(asked).toEqual([
    'n1 note /app.conf',
    'n1 note /b',
    'n1 on change reload app',
    'n2 note /app.conf',
    'n2 on change reload app',
  ]);
  expect(exit).toBe(0);
  const again = person();
  await runOn(book, groups, { hosts, confirm: again.confirm });
  expect(again.asked).toEqual([]);
});

test('a no leaves the step as it is, and its actions have nothing to do', async () => {
  const { confirm } = person(['note /app.conf']);
  const { statuses, steps, exit } = await runOn(book, { node: ['n1'] }, { confirm });
  expect(statuses).toEqual([
    'n1 note /app.conf: skipped',
    'n1 note /b: changed',
    'n1 on change reload app: ok',
  ]);
  expect(steps[0]!.reason).toBe('not agreed to (--step)');
  expect(exit).toBe(0);
});

test('an action that is not agreed to stays due for the next run', async () => {
  const hosts = { n1: hostNamed('n1') };
  await runOn(book, { node: ['n1'] }, { hosts, confirm: person(['on change reload app']).confirm });
  const { statuses } = await runOn(book, { node: ['n1'] }, { hosts });
  expect(statuses).toContain('n1 on change reload app: changed');
});

test('a check asks nothing', async () => {
  const { asked, confirm } = person();
  await runOn(book, groups, { confirm, mode: 'check' });
  expect(asked).toEqual([]);
});

test('what has changed during the question is asked for again, and made only as it was shown', async () => {
  const host = hostNamed('n1');
  const seen: unknown[] = [];
  const settled = note({ path: '/a', text: 'x' });
  const moving = playbook(
    site.play('node', () => [{ ...settled, diff: (have: unknown) => (have ? settled.diff(have) : []) }]),
  );
  await host.writeFile('/a', 'old', { mode: '0644' });
  const confirm = async (_host: string, _step: unknown, changes: readonly unknown[]) => {
    seen.push(changes);
    // Meanwhile somebody else has made it as it should be.
    if (seen.length === 1) await host.writeFile('/a', 'x', { mode: '0644' });
    return true;
  };
  const { statuses } = await runOn(moving, { node: ['n1'] }, { hosts: { n1: host }, confirm });
  expect(seen).toHaveLength(1);
  expect(statuses).toEqual(['n1 note /a: ok']);
});

test('an end at a question is an interrupt: the step is left, and no other is begun', async () => {
  const controller = new AbortController();
  const confirm = async () => {
    controller.abort(130);
    return false;
  };
  const { steps, exit, hostsInMemory } = await runOn(book, groups, {
    confirm,
    forks: 1,
    signal: controller.signal,
  });
  expect(steps[0]).toMatchObject({ status: 'skipped', reason: 'stopped at the question before this step' });
  expect(new Set(steps.map(({ status }) => status))).toEqual(new Set(['skipped']));
  expect(hostsInMemory['n1']!.writes).toEqual([]);
  expect(exit).toBe(130);
});
