import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { linearRegExp } from './linear-regexp.ts';

/** Expressions of the language, as trees of their own. */
const { expression } = fc.letrec<{ expression: string; part: string }>((tie) => ({
  part: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '[a-c]', '\\w', '\\d', '\\D', '^', '$', '\\.', '-'),
    fc
      .tuple(tie('expression'), fc.constantFrom('', '*', '+', '?', '{2}', '{1,3}', '{0,}', '*?'))
      .map(([inner, repeat]) => `(${inner})${repeat}`),
  ),
  expression: fc.oneof(
    { depthSize: 'small' },
    fc.array(tie('part'), { maxLength: 4 }).map((parts) => parts.join('')),
    fc.tuple(tie('expression'), tie('expression')).map((both) => both.join('|')),
  ),
}));

test('finds what a regular expression of JavaScript finds from the start of the text', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', '.', '-'), maxLength: 8 });
  // Longer ones are refused, and may take JavaScript very long.
  const short = expression.filter((source) => source.length <= 120);
  fc.assert(
    fc.property(short, text, (source, candidate) => {
      let matches: ReturnType<typeof linearRegExp> | undefined;
      try {
        matches = linearRegExp(source);
      } catch (error) {
        // Small ones may grow by their repeats, too.
        expect(String(error)).toContain('too long');
      }
      fc.pre(matches !== undefined);
      expect(matches(candidate)).toBe(new RegExp(`^(?:${source})`).test(candidate));
    }),
    { numRuns: 3000 },
  );
});

describe('what would take for ever elsewhere', () => {
  test.each(['(a+)+$', '(a|a)*$', '(a*)*b', '(.*a){30}x'])('%s ends at once', (source) => {
    expect(linearRegExp(source)(`${'a'.repeat(2000)}c`)).toBe(false);
  });

  test.each(['((((a{100}){100}){100}){100}){100}', '(((((){100}){100}){100}){100}){100}', 'a'.repeat(501)])(
    'a pattern that grows too large is refused',
    (source) => {
      expect(() => linearRegExp(source)).toThrow('too long');
    },
  );
});

test.each([
  ['(a', 'not closed'],
  ['a)', 'not opened'],
  ['[a', 'not closed'],
  ['*a', 'nothing before it'],
  ['a**', 'nothing before it'],
  ['a{2}{3}', 'nothing before it'],
  ['a{3,2}', 'ends before it begins'],
  ['a{101}', 'more than 100'],
  ['[z-a]', 'ends before it begins'],
  ['(a)\\1', 'no references'],
  ['(?=a)', 'no looking around'],
  ['a\\', 'ends with a backslash'],
])('%s is refused: %s', (source, reason) => {
  expect(() => linearRegExp(source)).toThrow(reason);
});
