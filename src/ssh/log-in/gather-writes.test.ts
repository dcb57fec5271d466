import { Writable } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gatherWrites } from './gather-writes.ts';

/** What each system call of a socket would be given. */
function socket() {
  const calls: string[] = [];
  const writable = new Writable({
    write: (chunk: Buffer, _, done) => {
      calls.push(chunk.toString());
      done();
    },
    writev: (chunks, done) => {
      calls.push(chunks.map(({ chunk }) => String(chunk)).join(''));
      done();
    },
  });
  return { calls, writable: gatherWrites(writable) };
}

test('what is written in one turn goes out together, and turns stay apart and in order', async () => {
  const words = fc.array(fc.array(fc.stringMatching(/^[a-z]{1,4}$/), { minLength: 1, maxLength: 5 }));
  await fc.assert(
    fc.asyncProperty(words, async (turns) => {
      const { calls, writable } = socket();
      for (const turn of turns) {
        for (const word of turn) writable.write(word);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(calls).toEqual(turns.map((turn) => turn.join('')));
    }),
  );
});

test('what was written before an end goes out', async () => {
  const { calls, writable } = socket();
  writable.write('last ');
  writable.write('words');
  await new Promise<void>((resolve) => void writable.end(resolve));
  expect(calls.join('')).toBe('last words');
});
