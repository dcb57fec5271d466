import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sanitize, sanitizeLine, sanitizeStyled, toAscii } from './sanitize.ts';

const harmful = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

const attacks: [string, string][] = [
  ['clear screen', '\u001b[2J'],
  ['colour', '\u001b[31m'],
  ['title (OSC 0)', '\u001b]0;owned\u0007'],
  ['link (OSC 8)', '\u001b]8;;http://evil\u001b\\here\u001b]8;;\u001b\\'],
  ['clipboard (OSC 52)', '\u001b]52;c;ZXZpbA==\u0007'],
  ['device control string', '\u001bP1;2|x\u001b\\'],
  ['C1 CSI', '\u009b2J'],
  ['overwriting the line', 'failed\rok    '],
  ['backspaces', 'failed\b\b\b\b\b\bok'],
  ['right to left override', 'file \u202etxt.exe'],
  ['isolates', '\u2066a\u2069'],
  ['half of a pair', 'a\ud800b'],
];

const anyText = fc.string({ unit: 'binary', maxLength: 40 });
const codeUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
  .map((codes) => String.fromCharCode(...codes));

describe('sanitize', () => {
  it.each(attacks)('makes harmless: %s', (_name, text) => {
    expect(sanitize(text)).not.toMatch(harmful);
  });

  it('shows what was there', () => {
    expect(sanitize('\u001b[2J\rx\u202e\ud800')).toBe('\\x1b[2J\\rx\\u202e\\ud800');
  });

  it('leaves no control character and no broken pair of any input', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, codeUnits), (text) => {
        const shown = sanitize(text);
        expect(shown).not.toMatch(harmful);
        expect(Buffer.from(shown).toString()).toBe(shown);
      }),
      { numRuns: 2000 },
    );
  });

  it('leaves text of people as it is', () => {
    const text = 'Grüße, 日本語, עברית, 👩‍💻\n\tand a tab';
    expect(sanitize(text)).toBe(text);
  });
});

describe('sanitizeLine', () => {
  it('does not let a host forge a line of ours', () => {
    expect(sanitizeLine('2 CPUs\n✓ lb-1  all is well')).toBe('2 CPUs\\n✓ lb-1  all is well');
  });
});

describe('sanitizeStyled', () => {
  it('lets our colours through and nothing else', () => {
    expect(sanitizeStyled('\u001b[31mred\u001b[39m \u001b[5mblink \u001b[2J')).toBe(
      '\u001b[31mred\u001b[39m \\x1b[5mblink \\x1b[2J',
    );
  });
});

describe('toAscii', () => {
  it('gives our signs ASCII twins and escapes the rest', () => {
    expect(toAscii('a — b → c … ü 😀')).toBe('a - b -> c ... \\u00fc \\u{1f600}');
  });

  it('gives ASCII for any text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(toAscii(text)).toMatch(/^[\u0000-\u007f]*$/);
      }),
    );
  });
});
