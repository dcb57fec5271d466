import { expect, test } from 'vitest';
import { hostNamed, note, reload, runOn } from '../../test/support/engine-run.ts';
import { onChange } from '../core/action.ts';
import { inventory, playbook } from '../core/play.ts';
import { selectSteps, type StepSelection } from '../core/select-steps.ts';

const site = inventory({ node: {}, lb: {} });
const book = playbook(
  site.play('node', () => {
    const config = note({ path: '/app.conf', text: 'v2' });
    return [
      note({ path: '/a', text: 'x' }),
      config,
      note({ path: '/b', text: 'x' }),
      onChange(config, reload('app')),
    ];
  }),
  site.play('lb', () => [note({ path: '/lb', text: 'x' })]),
);
const groups = { node: ['node-1'], lb: ['lb-1'] };
const choosing = (selection: StepSelection) => ({
  steer: (plan: Parameters<typeof selectSteps>[0]) => selectSteps(plan, selection),
});

test('steps that are left out are told in their places, are not read, and do not count as open', async () => {
  const host = hostNamed('node-1');
  const read: string[] = [];
  const readFile = host.readFile.bind(host);
  host.readFile = (path: string) => {
    read.push(path);
    return readFile(path);
  };
  const { steps, hosts, exit, events } = await runOn(book, groups, {
    hosts: { 'node-1': host },
    ...choosing({ only: ['note /b'] }),
  });
  expect(events[0]).toMatchObject({
    plays: [
      { hosts: [{ leftOut: ['note /a', 'note /app.conf', 'on change reload app'] }] },
      { hosts: [{ steps: ['note /lb'], leftOut: ['note /lb'] }] },
    ],
  });
  expect(steps.map(({ step, status, leftOut = false }) => [step, status, leftOut])).toEqual([
    ['note /a', 'skipped', true],
    ['note /app.conf', 'skipped', true],
    ['note /b', 'changed', false],
    ['on change reload app', 'skipped', true],
    ['note /lb', 'skipped', true],
  ]);
  expect(steps[0]!.reason).toBe('left out by --only "note /b"');
  expect(new Set(read)).toEqual(new Set(['/b']));
  expect(hosts['node-1']).toEqual({ ok: 0, changed: 1, failed: 0, skipped: 0, leftOut: 3 });
  expect(exit).toBe(0);
});

test('an action that is left out stays due when a step that it watches changes, and the next run does it', async () => {
  const hosts = { 'node-1': hostNamed('node-1') };
  const first = await runOn(book, groups, { hosts, ...choosing({ skip: ['on change *'] }) });
  expect(first.statuses).toContain('node-1 note /app.conf: changed');
  expect(hosts['node-1'].runs.filter((script) => script.startsWith('reload'))).toEqual([]);
  const second = await runOn(book, groups, { hosts, ...choosing({ only: ['on change *'] }) });
  expect(second.statuses).toContain('node-1 on change reload app: changed');
  expect(hosts['node-1'].runs.filter((script) => script.startsWith('reload'))).toEqual(['reload app']);
});

test('hosts that are not chosen are not contacted, stay peers, and count as well', async () => {
  const reading = playbook(
    site.play('node', () => [note({ path: '/a', text: 'x' })]),
    site.play('lb', ({ groups: { node } }) => [
      note({ path: '/lb', text: node.map(({ address }) => address).join() }),
    ]),
  );
  const { connected, hosts, events, exit, hostsInMemory } = await runOn(reading, groups, {
    chosen: ['lb-1'],
  });
  expect(connected).toEqual(['lb-1']);
  expect(Object.keys(hosts)).toEqual(['lb-1']);
  expect(hostsInMemory['lb-1']!.writes.map(({ content }) => content)).toEqual(['node-1.test']);
  const notices = events.filter((event) => event.event === 'notice');
  expect(notices).toHaveLength(1);
  expect(notices[0]).toMatchObject({ level: 'info', text: expect.stringContaining('node-1') as string });
  expect(exit).toBe(0);
});
