import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Problem } from '../core/errors.ts';
import { ProvisionError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import type { TemplateOptions, TemplateView } from './template.ts';
import { renderTemplate, templateNames } from './template.ts';

const root = mkdtempSync(join(tmpdir(), 'template-'));
afterAll(() => rmSync(root, { recursive: true }));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'));
});

function write(name: string, text: string | Uint8Array): string {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

function render(text: string, view: TemplateView, options?: TemplateOptions): string {
  return renderTemplate(write('t.mustache', text), view, options);
}

function problemsOf(run: () => unknown): readonly Problem[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ProvisionError) return error.problems;
    throw error;
  }
  return [];
}

/** Each problem as `line:column happened`. */
function faults(text: string, view: TemplateView, options?: TemplateOptions): string[] {
  return problemsOf(() => render(text, view, options)).map(({ at, happened }) => {
    return `${at?.[0]?.line ?? '?'}:${at?.[0]?.column ?? '?'} ${happened}`;
  });
}

describe('what a template can say', () => {
  test('variables, in any of the three notations, unescaped', () => {
    expect(render('{{a}} {{{a}}} {{&a}}', { a: '<&"' })).toBe('<&" <&" <&"');
  });

  test('numbers and flags', () => {
    expect(render('{{port}} {{on}}', { port: 0, on: false })).toBe('0 false');
  });

  test('a list of texts, of numbers and of objects', () => {
    const view = { names: ['a', 'b'], ports: [0, 1], hosts: [{ name: 'x' }, { name: 'y' }] };
    const text = '{{#names}}{{.}},{{/names}} {{#ports}}{{.}},{{/ports}} {{#hosts}}{{name}},{{/hosts}}';
    expect(render(text, view)).toBe('a,b, 0,1, x,y,');
  });

  test('an object as a section and by dots; outer names from within', () => {
    const view = { host: 'lb', tls: { cert: 'c.pem' } };
    expect(render('{{#tls}}{{cert}}@{{host}}{{/tls}} {{tls.cert}}', view)).toBe('c.pem@lb c.pem');
  });

  test('a section for what may be absent: null, an empty text, an empty list', () => {
    const text = '{{#note}}# {{note}}{{/note}}{{^note}}none{{/note}}';
    expect(render(text, { note: 'hello' })).toBe('# hello');
    for (const note of [null, '', []]) expect(render(text, { note })).toBe('none');
  });

  test('nothing is in a text section that its items alone could tell', () => {
    expect(render('{{#hosts}}{{name}} {{tls.cert}}{{/hosts}}.', { hosts: [] })).toBe('.');
    expect(render('{{#tls}}{{cert}}{{/tls}}.', { tls: null })).toBe('.');
  });

  test('an inner name hides an outer one', () => {
    expect(render('{{n}}{{#o}}{{n}}{{/o}}', { n: 'outer', o: { n: 'inner' } })).toBe('outerinner');
  });

  test('other tags by option, and within the template', () => {
    expect(render("<%a%> '{{.Names}}'", { a: 1 }, { tags: ['<%', '%>'] })).toBe("1 '{{.Names}}'");
    expect(render("{{a}}{{=<% %>=}}<%a%> '{{.Names}}'", { a: 1 })).toBe("11 '{{.Names}}'");
  });

  test('comments', () => {
    expect(render('a{{! b }}c', {})).toBe('ac');
    expect(render('{{!\n two lines\n}}\nc\n', {})).toBe('c\n');
  });

  test('a path relative to the working directory, a URL, a URL as text', () => {
    const file = write('t.mustache', '{{a}}');
    const url = pathToFileURL(file);
    for (const way of [relative('', file), file, url, url.href]) {
      expect(renderTemplate(way, { a: 'x' })).toBe('x');
    }
  });

  test('a byte order mark does not reach the host', () => {
    expect(render('\ufeffa', {})).toBe('a');
  });
});

describe('partials', () => {
  test('are found beside the template, see the same names, and take over the indentation of their tag', () => {
    write('inner/tls.mustache', 'cert {{cert}};\n\nkey;\n');
    write('inner/both.mustache', '{{> tls}}\nend {{host}}\n');
    const file = write('outer.mustache', 'http {\n  {{> inner/both}}\n}\n');
    const view = { cert: 'c.pem', host: 'lb' };
    expect(renderTemplate(file, view)).toBe('http {\n  cert c.pem;\n\n  key;\n  end lb\n}\n');
  });

  test('have the ending of the template', () => {
    write('part.conf.tpl', 'x');
    expect(renderTemplate(write('t.tpl', '{{> part.conf}}'), {})).toBe('x');
  });

  test('their faults are shown at their own line and column, and where they are included from', () => {
    const inner = write('inner.mustache', 'a\n  {{nmae}}\n');
    const middle = write('middle.mustache', '\n\t{{> inner}}\n');
    const outer = write('outer.mustache', '    {{> middle}}\n');
    const [problem] = problemsOf(() => renderTemplate(outer, { name: 'x' }));
    expect(problem!.at!.slice(0, 3)).toEqual([
      { file: inner, line: 2, column: 3 },
      { file: middle, line: 2, column: 2 },
      { file: outer, line: 1, column: 5 },
    ]);
  });

  test('one that is not there is missed in a section that is off, too, with the near miss', () => {
    write('tls.mustache', '');
    const text = '{{#on}}{{> tsl}}{{/on}}';
    const [problem] = problemsOf(() => render(text, { on: false }));
    expect(problem!.at![0]).toMatchObject({ line: 1, column: 8 });
    expect(problem).toMatchObject({
      remedy: `did you mean ${join(folder, 'tls.mustache')}?`,
    });
  });

  test('one that includes itself is refused', () => {
    write('b.mustache', '{{> t}}');
    expect(faults('{{> b}}', {})).toEqual([`1:1 ${join(folder, 't.mustache')} includes itself`]);
  });
});

describe('what is wrong is said all at once, each at its place', () => {
  test('line and column of each tag', () => {
    const text =
      'a {{one}}\n\n{{#two}}\n  {{three.four}}\n{{/two}}{{^five}}{{/five}}\n{{{six}}} {{&seven}}\n';
    expect(faults(text, {})).toEqual([
      '1:3 "one" is not set',
      '3:1 "two" is not set',
      '5:9 "five" is not set',
      '6:1 "six" is not set',
      '6:11 "seven" is not set',
    ]);
  });

  test('the file is named as a person would type it, and the caller follows', () => {
    const here = relative('', fileURLToPath(import.meta.url));
    const file = join(dirname(here), '..', 'templates', 'no-such.mustache');
    const [missing] = problemsOf(() => renderTemplate(file, {}));
    expect(missing!.happened).toBe(
      'template src/templates/no-such.mustache cannot be read: there is no such file',
    );
    const { at } = problemsOf(() => render('{{a}}', {}))[0]!;
    expect(at![0]).toEqual({ file: join(folder, 't.mustache'), line: 1, column: 1 });
    expect(at!.some((place) => place.file.endsWith('template.test.ts'))).toBe(true);
  });

  test('names of the view that nothing uses, nested ones too', () => {
    const view = {
      used: 1,
      more: 1,
      tls: { cert: 'c', kee: 'k' },
      hosts: [
        { n: 1, m: 1 },
        { n: 2, m: 2 },
      ],
    };
    expect(faults('{{used}}{{tls.cert}}{{#hosts}}{{n}}{{/hosts}}', view)).toEqual([
      '1:? "more" is in the view, but the template never uses it',
      '1:? "tls.kee" is in the view, but the template never uses it',
      '1:? "hosts[].m" is in the view, but the template never uses it',
    ]);
  });

  test('a name counts as used where its section is off, or its list empty', () => {
    const view = { off: false, a: 1, none: [], b: 1, nil: null, tls: { c: 1 } };
    const text = '{{#off}}{{a}}{{/off}}{{#none}}{{b}}{{/none}}{{#nil}}{{#tls}}{{c}}{{/tls}}{{/nil}}';
    expect(render(text, view)).toBe('');
  });

  test('the other half of a misspelt pair is not reported a second time', () => {
    expect(faults('{{hostnmae}}', { hostname: 'x' })).toEqual(['1:1 "hostnmae" is not set']);
  });

  test('a typo where a flag is off does not wait for the flag', () => {
    expect(faults('{{#ipv6}}listen {{prot}};{{/ipv6}}', { ipv6: false })).toEqual(['1:17 "prot" is not set']);
    expect(faults('{{^ipv6}}listen {{prot}};{{/ipv6}}', { ipv6: true })).toEqual(['1:17 "prot" is not set']);
  });

  test('a fault inside a list is told once, unless the items differ', () => {
    expect(faults('{{#l}}{{nmae}}{{/l}}', { l: [1, 2] })).toEqual(['1:7 "nmae" is not set']);
    expect(faults('{{#l}}{{a}}{{/l}}', { l: [{ a: 'x' }, { a: 'x\n' }, { a: null }] })).toEqual([
      '1:7 "l[1].a" holds a line break at character 2, and a value is one line of text',
      '1:7 "l[2].a" is null',
    ]);
  });

  test('a template that cannot be parsed says nothing about unused names', () => {
    expect(faults('{{#a}}', { a: true, b: 1 })).toEqual(['1:1 section "a" is never closed']);
  });

  test.each<[string, string]>([
    ['a\n {{x', '2:2 this tag is never closed'],
    ['{{x}}\n{{y}', '2:1 this tag is never closed'],
    ['{{{x}}', '1:1 this tag is never closed'],
    ['{{a}}\n{{#b}}\n{{/b}}{{/c}}', '3:7 "c" is closed here, but was never opened'],
    ['{{#b}}\n{{#c}}\n{{/b}}', '3:1 "b" is closed here, but "c" of line 2 is still open'],
    ['\n{{#b}}{{^c}}\n{{/c}}', '2:1 section "b" is never closed'],
    ['{{=<% %>=}}{{#a}}\n<%#b%>', '2:1 section "b" is never closed'],
    ['{{=<% %>=}}<%={{ }}=%>\n{{/b}}', '2:1 "b" is closed here, but was never opened'],
    ['x {{=<%=}}', '1:3 new tags are two words, as in {{=<% %>=}}'],
    ['{{}}', '1:1 "" is not a name'],
    ['{{a..b}}', '1:1 "a..b" is not a name'],
    ['{{#if tls}}{{/if tls}}', '1:1 "if tls" is not a name'],
  ])('%j: %s', (text, fault) => {
    expect(faults(text, { a: 1, x: 1, y: 1 }).filter((line) => !line.includes('never uses'))).toEqual([
      fault,
    ]);
  });

  test.each<[string, readonly [string, string]]>([
    ['empty', ['', '']],
    ['white space', ['< ', '>']],
    ['an equals sign', ['<=', '>']],
  ])('tags that cannot be told from text are refused: %s', (_, tags) => {
    expect(() => render('x', {}, { tags })).toThrow(/cannot be told from text/);
  });

  test.each<[string, string | Uint8Array | undefined, RegExp]>([
    ['missing.mustache', undefined, /there is no such file/],
    ['latin1.mustache', Uint8Array.of(0x62, 0xfc), /it is not UTF-8 text/],
  ])('a file that cannot be read: %s', (name, content, reason) => {
    const file = content === undefined ? join(folder, name) : write(name, content);
    expect(() => renderTemplate(file, {})).toThrow(reason);
    expect(() => renderTemplate(folder, {})).toThrow(/it is a folder/);
  });

  test('a misspelt file gets its near miss', () => {
    write('site.mustache', '');
    const [problem] = problemsOf(() => renderTemplate(join(folder, 'sit.mustache'), {}));
    expect(problem!.remedy).toBe(`did you mean ${join(folder, 'site.mustache')}?`);
  });
});

describe('secrets', () => {
  const key = new Secret('canary-5591', 'key of lb-1');

  test.each([
    '{{key}}',
    '{{{key}}}',
    '{{#key}}x{{/key}}',
    '{{^key}}x{{/key}}',
    '{{key.name}}',
    '{{#o}}{{key}}{{/o}}',
  ])('%s is refused, by its name', (text) => {
    // @ts-expect-error a Secret does not compile either
    const view: TemplateView = text.includes('#o') ? { o: { key } } : { key };
    const [problem] = problemsOf(() => render(text, view));
    expect(problem!.happened).toMatch(/^"(o\.)?key" is a secret/);
    expect(problem!.remedy).toMatch(/a file of its own/);
    expect(JSON.stringify(problem)).not.toContain('canary');
  });

  test('as an item of a list, and where its section is off', () => {
    const view = { keys: [key], on: false, key } as unknown as TemplateView;
    expect(faults('{{#keys}}{{.}}{{name}}{{/keys}}{{#on}}{{key}}{{/on}}', view)).toEqual([
      '1:10 "keys[0]" is a secret, and what a template makes is shown in diffs',
      '1:15 "keys[0]" is a secret, and what a template makes is shown in diffs',
      '1:39 "key" is a secret, and what a template makes is shown in diffs',
    ]);
  });
});

describe('values', () => {
  test.each(['a\nb', 'a\r', '\0', '\t', '\u001b[31m', '\u0085', '\u2028', '\u2029', '\ud800'])(
    '%j is refused in any dialect, without being repeated',
    (value) => {
      for (const dialect of ['plain', 'nginx'] as const) {
        const message = faults('{{v}}', { v: value }, { dialect }).join();
        expect(message).toMatch(/^1:1 "v" holds (a|U\+)/);
        expect(message).not.toContain(value);
      }
    },
  );

  test('any other text is printed as it is', () => {
    const oneLine = fc
      .string({ unit: 'grapheme' })
      .filter((text) => !/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(text));
    const file = write('t.mustache', '<{{v}}|{{#l}}{{.}}|{{/l}}>');
    fc.assert(
      fc.property(oneLine, (v) => {
        expect(renderTemplate(file, { v, l: [v] })).toBe(`<${v}|${v}|>`);
      }),
    );
  });

  test.each([
    'lb.example.com',
    '/etc/ssl/a-b_c.pem',
    '10.0.0.5:80',
    '[fd00::1]:80',
    '100m',
    'bücher.pem',
    '/conf.d/*.conf',
  ])('nginx: %s passes', (value) => {
    expect(render('{{v}}', { v: value }, { dialect: 'nginx' })).toBe(value);
  });

  const breakouts = [
    'a;b',
    'a{',
    'a}',
    'a"',
    "a'",
    'a$b',
    'a#',
    'a\\',
    'a b',
    'a\tb',
    'a\nb',
    'a\u00a0',
    'a\0',
  ];
  const patterns = ['~a', '*.a', '^~a', '=a', '.a', '*'];
  test.each([...breakouts, ...patterns, 'a\u200bb', 'a\u202eb', ''])('nginx: %j is refused', (value) => {
    for (const text of [
      '{{v}}',
      '{{{v}}}',
      '{{&v}}',
      '{{#v}}{{.}}{{/v}}{{^v}}{{v}}{{/v}}',
      '{{#o}}{{v}}{{/o}}',
    ]) {
      const view = text.includes('#o') ? { o: { v: value } } : { v: value };
      const [problem] = problemsOf(() => render(text, view, { dialect: 'nginx' }));
      expect(problem?.happened, text).toMatch(/^"(o\.)?v" (holds|begins with|is empty)/);
      expect(problem?.at?.[0]).toMatchObject({ line: 1 });
    }
  });

  test('nginx: no text that passes is read by nginx as anything but one plain word', () => {
    const nasty = fc.string({
      unit: fc.constantFrom(...` ;{}"'$#\\~*=^.\n\t\0ab1/:-_\u00e9\u200b`.split('')),
      minLength: 0,
    });
    const file = write('t.mustache', '{{v}}');
    fc.assert(
      fc.property(nasty, (v) => {
        const refused = problemsOf(() => renderTemplate(file, { v }, { dialect: 'nginx' })).length > 0;
        expect(refused).toBe(!/^[ab1/:\-_\u00e9][ab1/:\-_\u00e9~*=^.]*$/.test(v));
      }),
      { numRuns: 2000 },
    );
  });

  test('what is not a template value does not compile', () => {
    // @ts-expect-error a function is no value of a template
    expect(() => render('{{v}}', { v: () => 'x' })).toThrow(/is a function/);
    // @ts-expect-error undefined is no value of a template
    expect(() => render('{{v}}', { v: undefined })).toThrow(/is undefined/);
    // @ts-expect-error a date is no value of a template
    expect(() => render('{{v}}', { v: new Date(0) })).toThrow(/is an object/);
  });
});

describe('templateNames', () => {
  test('lists the names of the template and its partials once, in the order of their use', () => {
    write('tls.mustache', '{{cert}} {{host}}');
    const file = write(
      't.mustache',
      '{{host}}{{#tls}}{{> tls}}{{/tls}}{{^tls}}{{a.b}}{{/tls}}{{#l}}{{.}}{{/l}}',
    );
    expect(templateNames(file)).toEqual(['host', 'tls', 'cert', 'a.b', 'l']);
  });

  test('takes other tags', () => {
    expect(templateNames(write('t.mustache', '<%a%>{{b}}'), { tags: ['<%', '%>'] })).toEqual(['a']);
  });

  test('says what cannot be parsed', () => {
    expect(() => templateNames(write('t.mustache', '{{#a}}'))).toThrow(/section "a" is never closed/);
  });
});
