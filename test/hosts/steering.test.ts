import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startLab, type Lab } from './support/lab.ts';
import { failuresOf, folderWith, provision } from './support/provision.ts';
import { Terminal } from './support/terminal.ts';

const playbook = `import { condition, file, inventory, playbook, text } from 'provision';
const site = inventory({ web: { greeting: text() } });
const greets = condition({
  kind: 'greets',
  id: (greeting: string) => greeting,
  observe: async (host, greeting) => {
    const have = await host.readFile('/srv/served');
    return { holds: have === greeting, saw: have ?? 'nothing' };
  },
  timeoutMs: () => 0,
  remedy: () => 'look at /srv/served',
});
export default playbook(
  site.play('web', ({ vars }) => [file({ path: '/srv/greeting', content: vars.greeting })], {
    serial: 1,
    gate: ({ vars }) => [greets(vars.greeting)],
  }),
);
`;

const folder = folderWith({ 'playbook.ts': playbook });
const files = ['-i', folder.file('inventory.yaml'), folder.file('playbook.ts')];
let lab: Lab;

beforeAll(async () => {
  lab = await startLab();
  const settings = ({ address, port, privateKeyPath, hostKeyFingerprint }: Lab['lb']) => ({
    host: address,
    port,
    user: 'root',
    key: privateKeyPath,
    fingerprint: hostKeyFingerprint,
  });
  const hosts = { 'web-1': settings(lab.rancher), 'web-2': settings(lab.lb) };
  const web = { vars: { greeting: 'hello' }, hosts };
  writeFileSync(folder.file('inventory.yaml'), `web: ${JSON.stringify(web)}\n`, { mode: 0o600 });
});
afterAll(() => lab.stop());

test('a gate that does not hold on the first host leaves the second as it is', async () => {
  const first = await provision(files);
  expect(first.statuses, failuresOf(first)).toEqual([
    'web-1 file /srv/greeting: changed',
    'web-1 gate greets hello: failed',
    'web-2 file /srv/greeting: skipped',
    'web-2 gate greets hello: skipped',
  ]);
  expect(first.exit).toBe(2);
  expect(await lab.lb.run('ls /srv')).toBe('');

  await lab.rancher.run('printf hello >/srv/served');
  await lab.lb.run('printf hello >/srv/served');
  const second = await provision([...files, '-l', 'web:!web-1', '--only', 'file *']);
  expect(second.statuses, failuresOf(second)).toEqual([
    'web-2 file /srv/greeting: changed',
    'web-2 gate greets hello: ok',
  ]);
  expect(second.exit).toBe(0);
});

test('--step shows each change and asks, and stops at once when a person quits', async () => {
  await lab.rancher.run('printf old >/srv/greeting');
  await lab.lb.run('printf old >/srv/greeting');
  const session = new Terminal([...files, '--step', '--skip', 'gate *']);
  await session.sees('Make this change on web-1?');
  expect(session.screen).toContain('-old');
  session.type('n\r');
  await session.sees('Make this change on web-2?');
  session.type('q\r');
  expect(await session.ended()).toBe(130);
  expect(session.screen).toContain('not agreed to (--step)');
  expect(await lab.lb.run('cat /srv/greeting')).toBe('old');

  const other = new Terminal([...files, '--step', '--skip', 'gate *']);
  await other.sees('Make this change on web-1?');
  other.type('a\r');
  expect(await other.ended()).toBe(0);
  expect(await lab.lb.run('cat /srv/greeting')).toBe('hello');
});
