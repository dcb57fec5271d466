import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Pulse } from './pulse.ts';
import { StillClock } from './test-clock.ts';

test('four questions in a row without an answer are silence, and nothing else is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 30 }), async (answered) => {
      const pulse = new Pulse();
      const clock = new StillClock();
      const stop = new AbortController();
      let asked = 0;
      let outcome: string | undefined = 'none';
      const watching = pulse.watch(() => void asked++, clock, stop.signal).then((told) => (outcome = told));
      for (const isAnswered of answered) {
        if (isAnswered) pulse.heard();
        await clock.wake();
      }
      const firstSilence = answered.findIndex(
        (_, at) => at >= 3 && answered.slice(at - 3, at + 1).every((isAnswered) => !isAnswered),
      );
      const questions = firstSilence < 0 ? answered.length + 1 : firstSilence + 1;
      expect([outcome, asked]).toEqual([
        firstSilence < 0 ? 'none' : 'it gave no sign of life for 60 s',
        questions,
      ]);
      stop.abort();
      await watching;
    }),
  );
});

test('nothing is asked, and nothing told, after the end', async () => {
  const clock = new StillClock();
  const stop = new AbortController();
  let asked = 0;
  const watching = new Pulse().watch(() => void asked++, clock, stop.signal);
  stop.abort();
  expect(await watching).toBeUndefined();
  await clock.wake();
  expect(asked).toBe(1);
});
