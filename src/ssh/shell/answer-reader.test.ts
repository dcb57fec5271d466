import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AnswerReader } from './answer-reader.ts';
import { BoundedOutput } from './bounded-output.ts';

const marker = 'ab12';

function read(chunks: readonly Buffer[]) {
  const answers: { value: number; text: string }[] = [];
  const reader = new AnswerReader({
    marker,
    keep: { head: 1000, tail: 1000 },
    onAnswer: (answer) => answers.push(answer),
  });
  for (const chunk of chunks) reader.push(chunk);
  return answers;
}

test('however a stream is cut into chunks, the answers are the same', () => {
  const output = fc.string({ unit: 'grapheme', maxLength: 30 }).map((text) => Buffer.from(text).toString());
  const answer = fc.record({ text: output, value: fc.integer({ min: 0, max: 255 }) });
  const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
  fc.assert(
    fc.property(fc.array(answer, { minLength: 1, maxLength: 5 }), cuts, (answers, sizes) => {
      const bytes = Buffer.from(answers.map(({ text, value }) => `${text}\n${marker} ${value}\n`).join(''));
      const chunks: Buffer[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = sizes[turn % sizes.length]!;
        chunks.push(bytes.subarray(at, at + size));
        at += size;
      }
      expect(read(chunks)).toEqual(answers);
    }),
  );
});

test.each([
  ['inside a line', `x ${marker} 0\n\n${marker} 3\n`, [{ value: 3, text: `x ${marker} 0\n` }]],
  ['without a number', `\n${marker} x\n\n${marker} 3\n`, [{ value: 3, text: `\n${marker} x\n` }]],
  [
    'with a very long number',
    `\n${marker} ${'1'.repeat(99)}\n\n${marker} 3\n`,
    [{ value: 3, text: `\n${marker} ${'1'.repeat(99)}\n` }],
  ],
])('something like a marker %s is output', (_name, text, answers) => {
  expect(read([Buffer.from(text)])).toEqual(answers);
  expect(read(Array.from(Buffer.from(text), (byte) => Buffer.from([byte])))).toEqual(answers);
});

test('bounded output keeps all of what fits, and both ends of what does not', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 20 })), (chunks) => {
      const output = new BoundedOutput(40, 60);
      for (const chunk of chunks) output.push(Buffer.from(chunk));
      const whole = Buffer.from(chunks.join(''));
      const text = output.text();
      if (whole.length <= 100) return void expect(text).toBe(whole.toString());
      const [head = '', tail = ''] = text.split(/\n\[… \d+ bytes left out …\]\n/);
      expect(whole.toString().startsWith(head)).toBe(true);
      expect(whole.toString().endsWith(tail)).toBe(true);
      expect(Buffer.byteLength(head)).toBeGreaterThan(36);
      expect(Buffer.byteLength(tail)).toBeGreaterThan(56);
    }),
  );
});
