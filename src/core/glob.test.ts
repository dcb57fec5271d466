import fc from 'fast-check';
import { expect, test } from 'vitest';
import { globMatcher } from './glob.ts';

test.each([
  ['web*', 'web-1', true],
  ['web*', 'my-web-1', false],
  ['w?b', 'web', true],
  ['w?b', 'wb', false],
  ['web[0-9]', 'web7', true],
  ['web[!0-9]', 'web7', false],
  ['web[ab', 'web[ab', true],
  ['[]x]', ']', true],
  ['file /etc/nginx/*', 'file /etc/nginx/conf.d/a.conf', true],
  ['*', '', true],
  ['', 'a', false],
  ['a*b*c', 'a1b2b3c', true],
])('%s is like %s: %s', (pattern, text, isLike) => {
  expect(globMatcher(pattern)(text)).toBe(isLike);
});

test('finds what the same pattern finds as a regular expression', () => {
  const pattern = fc.array(fc.constantFrom('a', 'b', '*', '?', '[ab]', '[!a]'), { maxLength: 8 });
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 10 });
  fc.assert(
    fc.property(pattern, text, (parts, candidate) => {
      const known: Record<string, string> = { '*': '.*', '?': '.', '[!a]': '[^a]' };
      const source = parts.map((part) => known[part] ?? part).join('');
      expect(globMatcher(parts.join(''))(candidate)).toBe(new RegExp(`^${source}$`).test(candidate));
    }),
    { numRuns: 2000 },
  );
});

test('is not slowed down by many stars', () => {
  const started = performance.now();
  expect(globMatcher('*a'.repeat(100))('a'.repeat(5000) + 'b')).toBe(false);
  expect(performance.now() - started).toBeLessThan(1000);
});
