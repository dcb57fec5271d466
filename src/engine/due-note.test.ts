import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HostWithNotes } from '../../test/support/host-with-notes.ts';
import { isDue, notesOfOthers, writeDueNotes } from './due-note.ts';

const anyId = fc
  .array(fc.string({ unit: 'binary', maxLength: 30 }), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join("'\n\u0007"));

test('whatever a step and a playbook are called, a note can be written by a shell, and says so', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(anyId, { minLength: 1, maxLength: 3 }),
      fc.option(anyId, { nil: undefined }),
      async (steps, playbook) => {
        using host = new HostWithNotes();
        await writeDueNotes(host, steps, playbook);
        expect(await Promise.all(steps.map((id) => isDue(host, id)))).toEqual(steps.map(() => true));
        const told = await notesOfOthers(host, []);
        expect(told.map(({ step }) => step).sort()).toEqual([...steps].sort());
        for (const note of told) {
          expect(note.playbook).toBe(playbook);
          expect(Date.parse(note.since!)).toBeGreaterThan(0);
        }
      },
    ),
    { numRuns: 30 },
  );
});

test('a note is on the disk, with the folders on the way, before anything is changed', async () => {
  using host = new HostWithNotes();
  await writeDueNotes(host, ['on change reload app'], 'web.ts');
  expect(host.runs[0]).toMatch(
    /^flush \/var\/lib\/provision\/due\/[0-9a-f]{16} \/var\/lib\/provision\/due \/var\/lib\/provision \/var\/lib$/m,
  );
});

test('an action that is due already is due since the first time', async () => {
  using host = new HostWithNotes();
  await writeDueNotes(host, ['on change reload app'], 'first.ts');
  const before = await notesOfOthers(host, []);
  await writeDueNotes(host, ['on change reload app', 'on change reload other'], 'second.ts');
  const notes = await notesOfOthers(host, []);
  expect(notes).toHaveLength(2);
  expect(notes).toContainEqual(before[0]);
});

test('an action is found to be due however many notes of others lie there, and not all of these are read', async () => {
  using host = new HostWithNotes();
  const others = Array.from({ length: 30 }, (_, index) => `on change reload ${index}`);
  await writeDueNotes(host, [...others, 'on change reload app'], 'web.ts');
  expect(await isDue(host, 'on change reload app')).toBe(true);
  expect(await isDue(host, 'on change reload none')).toBe(false);
  expect(await notesOfOthers(host, ['on change reload app'])).toHaveLength(20);
});
