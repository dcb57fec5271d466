import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadInventory } from './load-inventory.ts';

const folder = mkdtempSync(join(tmpdir(), 'load-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

describe('loadInventory', () => {
  it('reads a file with a byte order mark and any line ends, and starts relative paths beside it', async () => {
    writeFileSync(at('i.yaml'), '\uFEFFplaybook: ../site.ts\r\nweb:\r\n  hosts:\r\n    a:\r\n');
    const inventory = await loadInventory(at('i.yaml'));
    expect([...inventory.hosts.keys()]).toEqual(['a']);
    expect([inventory.folder, inventory.playbook?.path]).toEqual([folder, join(folder, '../site.ts')]);
  });

  it('says in plain words why a file cannot be read, and never waits for one', async () => {
    execFileSync('mkfifo', [at('pipe')]);
    writeFileSync(at('latin1'), Buffer.from('web: { hosts: { a: { x: "caf\xe9" } } }', 'latin1'));
    writeFileSync(at('large'), Buffer.alloc(1_000_001, '#'));
    for (const [name, told] of [
      ['nowhere', 'does not exist'],
      ['.', 'is not a regular file'],
      ['pipe', 'is not a regular file'],
      ['latin1', 'is not UTF-8'],
      ['large', 'has more than 1000000 bytes'],
    ] as const) {
      await expect(loadInventory(at(name))).rejects.toMatchObject({
        problems: [{ code: 'INVENTORY', happened: `${at(name)} ${told}` }],
      });
    }
  });
});
