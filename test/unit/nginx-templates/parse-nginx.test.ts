import { describe, expect, test } from 'vitest';
import { parseNginx } from './parse-nginx.ts';

describe('reads what nginx reads', () => {
  test('words, blocks, comments', () => {
    expect(parseNginx('a b;# c;\nd { e f; # }\n }g#h i;')).toEqual([
      { words: ['a', 'b'] },
      { words: ['d'], block: [{ words: ['e', 'f'] }] },
      { words: ['g#h', 'i'] },
    ]);
  });

  test('quotes, escapes, variables', () => {
    expect(parseNginx(`a "b; {c}" 'd"' '' "e\\"f" g'h \${i}j k\\;l;`)).toEqual([
      { words: ['a', 'b; {c}', 'd"', '', 'e"f', "g'h", '${i}j', 'k\\;l'] },
    ]);
  });
});

test.each([
  ['a', /ends within "a"/],
  ['a b;\nc {', /line 2: this block is never closed/],
  ['a; }', /unexpected "}"/],
  ['a { b }', /ends within|unexpected "}"/],
  [';', /unexpected ";"/],
  ['a "b', /never closed/],
  ['a "b"c;', /text follows a closing quote/],
])('stops where nginx stops: %j', (text, error) => {
  expect(() => parseNginx(text)).toThrow(error);
});
