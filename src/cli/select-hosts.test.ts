import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseInventory } from '../inventory/parse-inventory.ts';
import { selectHosts } from './select-hosts.ts';

const inventory = parseInventory(
  'web: { hosts: { web-1: {}, web-2: {} } }\nlb: { hosts: { lb-1: {} } }\n',
  'i.yaml',
);

const select = async (
  ...args: Parameters<typeof selectHosts> extends [unknown, ...infer Rest] ? Rest : never
) => {
  const chosen = await selectHosts(inventory, ...args);
  return chosen && [...chosen];
};

test('without a choice there is none', async () => {
  expect(await select({ limit: [], exclude: [] })).toBeUndefined();
});

test('--exclude takes away from what --limit gives, or from all', async () => {
  expect(await select({ limit: ['web'], exclude: ['*-1'] })).toEqual(['web-2']);
  expect(await select({ exclude: ['web'] })).toEqual(['lb-1']);
});

test('@FILE has a pattern a line, with comments', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'provision-hosts-')), 'hosts.txt');
  await writeFile(path, '# broken on Monday\r\nweb-1   # the disk\n\n lb\n');
  expect(await select({ limit: [`@${path}`] })).toEqual(['web-1', 'lb-1']);
  expect(await select({ exclude: [`@${path}`] })).toEqual(['web-2']);
});

test('@failed are the hosts that failed in the last run', async () => {
  expect(await select({ limit: ['@failed'] }, async () => ['web-2'])).toEqual(['web-2']);
});

test.each([
  [{ limit: ['@failed'] }, 'no record of a last run'],
  [{ limit: ['@/no/such/list'] }, '/no/such/list does not exist'],
  [{ limit: ['@/tmp'] }, 'folder|regular file'],
  [{ limit: ['web:!web'] }, '--limit web:!web leaves no host'],
  [{ limit: ['web'], exclude: ['web*'] }, 'leaves no host'],
  [{ exclude: ['all'] }, 'leaves no host'],
  [{ exclude: ['wbe'] }, 'did you mean "web"'],
])('%j is refused', async (selection, message) => {
  await expect(select(selection)).rejects.toThrow(new RegExp(`SELECTION.*(${message})`));
});

test('an empty record of failures leaves no host, instead of all', async () => {
  await expect(select({ limit: ['@failed'] }, async () => [])).rejects.toThrow('leaves no host');
});
