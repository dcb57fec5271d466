import { expect, test } from 'vitest';
import { step } from './test-events.ts';
import { causeOf } from './why-skipped.ts';

const failed = step({ host: 'lb-1', step: 'file /a', status: 'failed' });

test.each(['not agreed to (--step)', 'stopped at the question before this step'])(
  'what a person decides goes back to no failure: %s',
  (reason) => {
    const refused = step({ host: 'lb-2', step: 'file /b', status: 'skipped', reason });
    expect(causeOf(refused, [failed, refused])).toBeUndefined();
  },
);

test('what is skipped behind a failure goes back to it', () => {
  const behind = step({
    host: 'lb-1',
    step: 'file /b',
    status: 'skipped',
    reason: '"file /a" failed before',
  });
  expect(causeOf(behind, [failed, behind])).toBe(failed);
});
