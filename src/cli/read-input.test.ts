import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readInput, readTargets } from './read-input.ts';

const playbook = `
import { file, inventory, playbook, text } from 'provision';
const site = inventory({ web: { greeting: text() }, db: {} });
export default playbook(
  site.play('web', ({ vars, groups }) => [
    file({ path: '/greeting', content: vars.greeting + groups.web.map((peer) => peer.vars.greeting).join() }),
  ], { tags: ['greeting'] }),
  site.play('db', () => [file({ path: '/db', content: '' })]),
);
`;

function request(inventory: string) {
  const folder = mkdtempSync(join(tmpdir(), 'read-input-'));
  writeFileSync(join(folder, 'inventory.yaml'), inventory);
  writeFileSync(join(folder, 'playbook.ts'), playbook);
  return {
    inventory: join(folder, 'inventory.yaml'),
    playbook: join(folder, 'playbook.ts'),
    sshConfig: 'none',
    readOnly: true,
  };
}

const inventory = (password: string) => `
web:
  hosts:
    web-1: { host: 192.0.2.1, greeting: Hello, jump: way }
    web-2: { host: 192.0.2.2, greeting: Hallo, password: { env: PASSWORD_THAT_NOBODY_HAS_SET } }
db:
  hosts:
    way: { host: 192.0.2.3, password: ${password} }
`;

test('hosts that are not chosen need no password, and are peers all the same', async () => {
  const { plan, targets } = await readInput(
    { ...request(inventory('{ command: [echo, open] }')), limit: ['web-1'] },
    {},
  );
  expect(plan.plays.map(({ hosts }) => hosts.map(({ host }) => host))).toEqual([['web-1'], []]);
  expect([...targets.keys()]).toEqual(['web-1']);
  expect(targets.get('web-1')!.jump).toMatchObject({ name: 'way', password: expect.anything() as unknown });
});

test('a host on the way to a chosen one needs its password', async () => {
  const given = { ...request(inventory('{ env: PASSWORD_THAT_NOBODY_HAS_SET }')), exclude: ['web-2', 'way'] };
  await expect(readInput(given, {})).rejects.toThrow('PASSWORD_THAT_NOBODY_HAS_SET');
});

test('trust looks at the chosen hosts alone', async () => {
  const given = { ...request(inventory('{ command: [echo, open] }')), limit: ['web:!web-2'] };
  expect((await readTargets(given)).map(({ name }) => name)).toEqual(['web-1']);
});

test('a choice of hosts that no play is for, and one of steps that those hosts do not have, are refused', async () => {
  const given = request(`${inventory('{ command: [echo, open] }')}\nother: { hosts: { alone: {} } }\n`);
  await expect(readInput({ ...given, limit: ['alone'] }, {})).rejects.toThrow(
    'is in any group of the playbook',
  );
  await expect(readTargets({ ...given, limit: ['alone'] })).rejects.toThrow(
    'is in any group of the playbook',
  );
  await expect(readInput({ ...given, limit: ['way'], only: ['greeting'] }, {})).rejects.toThrow(
    'like no step',
  );
});

test('hosts that have no step at which to start are named before anything is contacted', async () => {
  const given = request(`
web: { hosts: { web-1: { host: 192.0.2.1 }, web-2: { host: 192.0.2.2 }, web-3: { host: 192.0.2.3 } } }
`);
  writeFileSync(
    given.playbook,
    `import { file, inventory, playbook } from 'provision';
    export default playbook(inventory({ web: {} }).play('web', ({ host }) => [
      file({ path: '/all', content: '' }),
      ...(host.name === 'web-1' ? [file({ path: '/one', content: '' })] : []),
    ]));`,
  );
  const { warnings } = await readInput({ ...given, startAt: 'file /one' }, {});
  expect(warnings).toEqual([
    '--start-at "file /one": nothing of the play "web" is done on web-2, web-3, where it has no such step',
  ]);
  const limited = await readInput({ ...given, startAt: 'file /one', limit: ['web-1'] }, {});
  expect(limited.warnings).toEqual([]);
});
