import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { ProvisionError } from '../core/errors.ts';
import { flattenSteps } from '../core/step.ts';
import { loadPlaybook } from './load-playbook.ts';

let folder: string;
let environment: Record<string, string>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'load-playbook-'));
  environment = { XDG_CACHE_HOME: join(folder, 'cache') };
});

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

async function problemOf(file: string): Promise<ProvisionError> {
  const error = await loadPlaybook(file, environment).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ProvisionError);
  return error as ProvisionError;
}

const good = `
import { inventory, playbook, Secret, text } from 'provision';
export const marker: unknown = new Secret('a value', 'a name');
const site = inventory({ web: { motd: text() } });
export default playbook(site.play('web', ({ vars }) => { if (vars.motd === '') throw new Error('empty'); return []; }));
`;

test('a playbook in TypeScript is loaded, with this very provision inside', async () => {
  const { plays, groups } = await loadPlaybook(write('site.ts', good), environment);
  expect(plays.map((play) => play.group)).toEqual(['web']);
  expect(Object.keys(groups)).toEqual(['web']);
});

test('its classes are the same as ours', async () => {
  const throwing = write(
    'same.ts',
    `import { ProvisionError } from 'provision';\nthrow new ProvisionError({ code: 'UNSUPPORTED', happened: 'on purpose' });`,
  );
  expect((await problemOf(throwing)).code).toBe('UNSUPPORTED');
});

test('a step knows the line of the playbook that made it', async () => {
  const file = write(
    'place.ts',
    `import { file, inventory, playbook } from 'provision';
const site = inventory({ web: {} });

export default playbook(site.play('web', () => [
  file({ path: '/etc/motd', content: 'hello' }),
]));
`,
  );
  const { plays } = await loadPlaybook(file, environment);
  const steps = flattenSteps(plays[0]!.build({ host: { name: 'a', address: 'a' }, vars: {}, groups: {} }));
  expect(steps[0]!.at[0]).toMatchObject({ file, line: 5 });
});

test.each([
  ['no playbook in it', 'export const x = 1;', /no playbook as its default export/],
  ['a syntax error', 'export default playbook(;', /cannot be loaded/],
])('a file with %s is refused', async (_, text, message) => {
  const error = await problemOf(write('bad.ts', text));
  expect(error.code).toBe('PLAYBOOK');
  expect(error.message).toMatch(message);
});

test('a missing playbook is refused by its name', async () => {
  expect((await problemOf(join(folder, 'absent.ts'))).message).toContain('no such playbook');
});

test('a cache that others can write to is never run from', async () => {
  mkdirSync(join(folder, 'cache', 'provision', 'playbooks'), { recursive: true });
  chmodSync(join(folder, 'cache', 'provision', 'playbooks'), 0o777);
  const error = await problemOf(write('site.ts', good));
  expect(error.code).toBe('UNSAFE_PATH');
  expect(error.message).toContain('chmod 700');
});
