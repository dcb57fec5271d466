import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import Mustache from 'mustache';
import { afterAll, expect, test } from 'vitest';
import { renderTemplate } from './template.ts';

const folder = mkdtempSync(join(tmpdir(), 'same-as-mustache-'));
afterAll(() => rmSync(folder, { recursive: true }));

const view = {
  a: 'x',
  n: 1,
  on: true,
  off: false,
  list: ['p', 'q'],
  none: [],
  obj: { a: 'inner', b: 'y' },
  objs: [{ a: 'first' }, { a: 'second' }],
  nil: null,
};
const useAll =
  '{{#off}}{{n}}{{on}}{{#list}}{{.}}{{/list}}{{#none}}{{/none}}{{obj.a}}{{obj.b}}{{#objs}}{{a}}{{/objs}}{{#nil}}{{/nil}}{{a}}{{/off}}';
const partials = {
  part: 'one {{a}}\n{{#on}}\n  two\n{{/on}}\n\nthree\n',
  nest: '<\n  {{> part}}\n>\n',
};

const { body } = fc.letrec<{ node: string; body: string }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(
      'text',
      ' ',
      '\n',
      '\n\n',
      '  ',
      '{{a}}',
      '{{{n}}}',
      '{{& obj.b }}',
      '{{! note }}',
      '\n{{! note }}\n',
    ),
    fc.constantFrom('\n{{> part}}\n', '\n  {{> nest}}\n', '{{> part}}'),
    fc
      .tuple(
        fc.constantFrom('on', 'off', 'list', 'none', 'obj', 'objs', 'nil', 'a'),
        fc.constantFrom('', '\n'),
        tie('body'),
      )
      .map(([name, line, inner]) => `{{#${name}}}${line}${inner}${line}{{/${name}}}${line}`),
    fc
      .tuple(
        fc.constantFrom('on', 'off', 'list', 'none', 'obj', 'nil'),
        fc.constantFrom('', '\n'),
        tie('body'),
      )
      .map(([name, line, inner]) => `{{^${name}}}${line}${inner}${line}{{/${name}}}${line}`),
  ),
  body: fc.array(tie('node'), { maxLength: 5 }).map((nodes) => nodes.join('')),
}));

test('a template without a mistake comes out as from mustache itself, in its white space too', () => {
  for (const [name, text] of Object.entries(partials)) writeFileSync(join(folder, `${name}.mustache`), text);
  const file = join(folder, 't.mustache');
  fc.assert(
    fc.property(body, (text) => {
      writeFileSync(file, text + useAll);
      expect(renderTemplate(file, view)).toBe(
        Mustache.render(text + useAll, view, partials, { escape: String }),
      );
    }),
    { numRuns: 1000 },
  );
}, 30_000);
