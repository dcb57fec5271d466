import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { Json } from '../core/change.ts';
import { saveAnswers } from './save-answers.ts';
import { writeAnswers } from './write-answers.ts';

const certificate = {
  at: ['all', 'vars', 'certificate'],
  value: { option: 'own-ca', chain: 'tls/chain.pem' },
};
const hostname = { at: ['all', 'vars', 'hostname'], value: 'rancher.example.com' };

describe('writeAnswers', () => {
  it.each([
    [
      'below the last value',
      'all:\n  vars:\n    a: 1 # one\n    # end\nlb:\n',
      'all:\n  vars:\n    a: 1 # one\n    hostname: rancher.example.com\n    # end\nlb:\n',
    ],
    [
      'with the indentation of the file',
      'all:\n    vars:\n        a: 1',
      'all:\n    vars:\n        a: 1\n        hostname: rancher.example.com',
    ],
    [
      'with the line ends of the file',
      'all:\r\n  vars:\r\n    a: 1\r\n',
      'all:\r\n  vars:\r\n    a: 1\r\n    hostname: rancher.example.com\r\n',
    ],
    [
      'into a flow mapping',
      'all: { vars: {a: 1} }\n',
      'all: { vars: { hostname: rancher.example.com,a: 1} }\n',
    ],
    [
      'into an empty flow mapping',
      'all: { vars: {} }\n',
      'all: { vars: { hostname: rancher.example.com } }\n',
    ],
    [
      'below a name without a value',
      'all:\n  vars: # mine\n  hosts:\n',
      'all:\n  vars: # mine\n    hostname: rancher.example.com\n  hosts:\n',
    ],
    [
      'behind its own name',
      'all:\n  vars:\n    hostname: # which?\n',
      'all:\n  vars:\n    hostname: rancher.example.com # which?\n',
    ],
    [
      'in place of null',
      'all:\n  vars:\n    hostname: ~ # which?\n',
      'all:\n  vars:\n    hostname: rancher.example.com # which?\n',
    ],
    [
      'with the parents that are missing',
      'lb:\n  hosts:\n    lb-1:\n',
      'lb:\n  hosts:\n    lb-1:\nall:\n  vars:\n    hostname: rancher.example.com\n',
    ],
    ['into an empty file', '', 'all:\n  vars:\n    hostname: rancher.example.com\n'],
    ['into a file of comments', '# my hosts', '# my hosts\nall:\n  vars:\n    hostname: rancher.example.com'],
    [
      'below a block of text',
      'all:\n  vars:\n    a: |\n      x\n\nlb:\n',
      'all:\n  vars:\n    a: |\n      x\n    hostname: rancher.example.com\n\nlb:\n',
    ],
    [
      'below a list',
      'all:\n  vars:\n    a:\n      - x # first\nlb:\n',
      'all:\n  vars:\n    a:\n      - x # first\n    hostname: rancher.example.com\nlb:\n',
    ],
  ])('puts a value %s', (_, before, after) => {
    expect(writeAnswers(before, [hostname])).toBe(after);
  });

  it('puts a mapping on lines of its own', () => {
    expect(writeAnswers('all:\n  vars:\n    a: 1\n', [certificate, hostname])).toBe(
      'all:\n  vars:\n    a: 1\n    certificate:\n      option: own-ca\n      chain: tls/chain.pem\n    hostname: rancher.example.com\n',
    );
  });

  it.each([
    '1.10',
    'no',
    'true',
    '',
    ' x',
    '-x',
    'a: b',
    'a #b',
    "it's",
    '"',
    '\\',
    '*x',
    '&x',
    '!x',
    '{',
    'null',
    '~',
    '\u0085',
    '\u2028',
    '🙂',
    'a\nb',
    '=',
    '<<',
  ])('writes the text %j so that it is read as it was', (value) => {
    const at = ['all', 'vars', 'x'];
    expect(parse(writeAnswers('all:\n', [{ at, value }]))).toEqual({ all: { vars: { x: value } } });
    expect(parse(writeAnswers('all: {}\n', [{ at, value }]))).toEqual({ all: { vars: { x: value } } });
  });

  it.each([
    ['a value that stands there', 'all:\n  vars:\n    hostname: other\n'],
    ['a list in the way', 'all:\n  vars:\n    - x\n'],
    ['an alias, which others share', 'x: &x\n  a: 1\nall:\n  vars: *x\n'],
    ['a text that is no YAML', 'all: [\n'],
  ])('refuses %s', (_, text) => {
    expect(() => writeAnswers(text, [hostname])).toThrow('no room for an answer at all.vars.hostname');
  });

  it('leaves every byte of any inventory as it is, and adds nothing but the answer', () => {
    fc.assert(
      fc.property(inventoryText(), fc.tuple(word(), word(), word()), answerValue(), (text, path, value) => {
        const before = (parse(text) ?? {}) as Record<string, unknown>;
        fc.pre(hasRoom(before, path));
        const written = writeAnswers(text, [{ at: path, value }]);
        expect(parse(written)).toEqual(withValue(before, path, value));
        expect(without(written, text)).toBe(text);
      }),
      { numRuns: 500 },
    );
  }, 60_000);
});

describe('saveAnswers', () => {
  it('keeps mode and link of the file, and leaves nothing beside it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'answers-'));
    const file = join(folder, 'inventory.yaml');
    writeFileSync(file, '\uFEFFall:\n');
    chmodSync(file, 0o640);
    symlinkSync(file, join(folder, 'link.yaml'));
    await saveAnswers(join(folder, 'link.yaml'), [hostname]);
    expect(readFileSync(file, 'utf8')).toBe('\uFEFFall:\n  vars:\n    hostname: rancher.example.com\n');
    expect(statSync(file).mode & 0o7777).toBe(0o640);
    expect(lstatSync(join(folder, 'link.yaml')).isSymbolicLink()).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['inventory.yaml', 'link.yaml']);
  });

  it('says that the file is as it was when it cannot be written', async () => {
    await expect(saveAnswers('/nonexistent/inventory.yaml', [hostname])).rejects.toThrow(
      'the file is as it was',
    );
  });
});

const word = () => fc.constantFrom('all', 'vars', 'lb', 'rancher', 'hosts', 'a', 'b', 'x-1', 'no', '8080');

function answerValue(): fc.Arbitrary<Json> {
  const scalar = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.integer(), fc.boolean());
  return fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }), fc.dictionary(word(), scalar, { maxKeys: 3 }));
}

/** Inventories as people leave them: comments, blank lines, both styles, both line ends, with and without a last line end. */
function inventoryText(): fc.Arbitrary<string> {
  const leaf = fc.oneof(
    fc.constant(null),
    fc.integer(),
    fc.boolean(),
    fc.string(),
    fc.constant('a\nb\n'),
    fc.array(fc.integer(), { maxLength: 2 }),
  );
  const map = (inner: fc.Arbitrary<unknown>) => fc.dictionary(word(), fc.oneof(inner, leaf), { maxKeys: 4 });
  return fc
    .record({
      content: map(map(map(leaf))),
      indent: fc.constantFrom(1, 2, 4),
      flow: fc.constantFrom(undefined, 'flow' as const),
      nothing: fc.constantFrom('', '~', 'null'),
      comments: fc.array(fc.nat(40), { maxLength: 5 }),
      lineEnd: fc.constantFrom('\n', '\r\n'),
      isOpenEnded: fc.boolean(),
    })
    .map(({ content, indent, flow, nothing, comments, lineEnd, isOpenEnded }) => {
      const options = { indent, nullStr: nothing, ...(flow && { collectionStyle: flow }) };
      const lines = stringify(content, options).trimEnd().split('\n');
      for (const place of comments) {
        // Comments and blank lines inside of a text would be part of it.
        if (!lines.some((line) => /[|>][-+]?$/.test(line)) && !flow && place < lines.length)
          lines.splice(place, 0, place % 2 ? '' : '  # note');
      }
      return lines.join(lineEnd) + (isOpenEnded ? '' : lineEnd);
    })
    .filter((text) => isYaml(text));
}

function isYaml(text: string): boolean {
  try {
    const content: unknown = parse(text);
    return typeof content === 'object';
  } catch {
    return false;
  }
}

function hasRoom(content: unknown, path: readonly string[]): boolean {
  const [key, ...rest] = path;
  if (key === undefined) return content === null || content === undefined;
  if (content === null || content === undefined) return true;
  return (
    typeof content === 'object' &&
    !Array.isArray(content) &&
    hasRoom((content as Record<string, unknown>)[key], rest)
  );
}

function withValue(content: unknown, path: readonly string[], value: Json): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return JSON.parse(JSON.stringify(value)) as unknown;
  const map = (content ?? {}) as Record<string, unknown>;
  return { ...map, [key]: withValue(map[key], rest, value) };
}

/** What is left of the written text when the one piece that was put in is taken out (an explicit null makes way). */
function without(written: string, before: string): string {
  let start = 0;
  while (start < before.length && written[start] === before[start]) start += 1;
  let end = 0;
  while (end < before.length - start && written.at(-1 - end) === before.at(-1 - end)) end += 1;
  const gap = before.slice(start, before.length - end);
  return /^(|~|null|ull|nul|ul|u|n|l|ll|nu)$/.test(gap) ? before : written;
}
