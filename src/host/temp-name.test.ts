import fc from 'fast-check';
import { expect, it } from 'vitest';
import { tempName, tempPrefix } from './temp-name.ts';

it('is a name that every file system takes, and that is found again by its prefix', () => {
  const name = fc
    .string({ minLength: 1, maxLength: 255, unit: 'binary' })
    .filter((text) => !/[\0-\x1f/]/.test(text));
  fc.assert(
    fc.property(name, (target) => {
      const temp = tempName(target);
      expect(Buffer.byteLength(temp)).toBeLessThanOrEqual(255);
      expect(temp.slice(0, -16)).toBe(tempPrefix(target));
      expect(temp).toMatch(/[0-9a-f]{16}$/);
      expect(tempName(target)).not.toBe(temp);
    }),
  );
});

it('keeps the temporary files of two long names apart', () => {
  expect(tempPrefix(`${'x'.repeat(250)}1`)).not.toBe(tempPrefix(`${'x'.repeat(250)}2`));
});
