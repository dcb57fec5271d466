import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryHost } from '../host/memory-host.ts';
import { writeDueNotes } from './due-note.ts';

test('whatever a step is called, its note can be written by a shell, and names it', async () => {
  const base = mkdtempSync(join(tmpdir(), 'due-notes-'));
  const ids = fc.array(fc.string({ unit: 'binary', maxLength: 30 }), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(
        ids.map((parts) => parts.join("'\n\u0007")),
        { minLength: 1, maxLength: 3 },
      ),
      async (names) => {
        rmSync(base, { recursive: true, force: true });
        const host = new MemoryHost().answer('due', '');
        await writeDueNotes(host, names);
        const script = host.runs[0]!.replaceAll('/var/lib/provision', `${base}/provision`);
        // The disks of this machine are not what is tested.
        execFileSync('/bin/sh', [
          '-c',
          `sync() { [ -e "$2" ] && [ -e "$5" ]; }\n${script.replaceAll('/var/lib', base)}`,
        ]);
        const folder = join(base, 'provision/due');
        const told = readdirSync(folder).map(
          (name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as string,
        );
        expect(told.sort()).toEqual([...names].sort());
      },
    ),
    { numRuns: 50 },
  );
  rmSync(base, { recursive: true, force: true });
});

test('a note is on the disk, with the folders on the way, before anything is changed', async () => {
  const host = new MemoryHost().answer('due', '');
  await writeDueNotes(host, ['on change reload app']);
  expect(host.runs[0]).toMatch(
    /^flush \/var\/lib\/provision\/due\/[0-9a-f]{16} \/var\/lib\/provision\/due \/var\/lib\/provision \/var\/lib$/m,
  );
});
