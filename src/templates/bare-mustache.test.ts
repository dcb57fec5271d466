import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Mustache from 'mustache';
import { afterAll, describe, expect, test } from 'vitest';
import type { TemplateView } from './template.ts';
import { renderTemplate } from './template.ts';

const folder = mkdtempSync(join(tmpdir(), 'bare-mustache-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Hole {
  readonly hole: string;
  readonly template: string;
  readonly view: Record<string, unknown>;
  /** What mustache 4.2.0 makes of it. */
  readonly bare: string;
  /** What we make of it: a text, or the message of the error. */
  readonly ours: string | RegExp;
}

const server = { host: 'lb-1', tls: { cert: 'c.pem' } };

const holes: readonly Hole[] = [
  {
    hole: 'a misspelt variable is empty',
    template: 'server {{hots}};',
    view: { host: 'lb-1' },
    bare: 'server ;',
    ours: /x\.mustache:1:8 .*"hots" is not set; did you mean "host"\?/,
  },
  {
    hole: 'a misspelt dotted name is empty',
    template: '{{host}} {{tls.crt}}',
    view: server,
    bare: 'lb-1 ',
    ours: /x\.mustache:1:10 .*"tls.crt" is not set; did you mean "cert"\?/,
  },
  {
    hole: 'a misspelt section is left out',
    template: '{{#tsl}}ssl{{/tsl}}',
    view: { tls: true },
    bare: '',
    ours: /x\.mustache:1:1 .*"tsl" is not set; did you mean "tls"\?/,
  },
  {
    hole: 'a misspelt inverted section is always printed',
    template: '{{^tsl}}plain{{/tsl}}',
    view: { tls: true },
    bare: 'plain',
    ours: /x\.mustache:1:1 .*"tsl" is not set/,
  },
  {
    hole: 'a missing partial is empty',
    template: 'a{{> nothing}}b',
    view: {},
    bare: 'ab',
    ours: /x\.mustache:1:2 .*nothing\.mustache cannot be read: there is no such file/,
  },
  {
    hole: 'a name that nothing uses is dropped',
    template: 'host',
    view: { host: 'lb-1' },
    bare: 'host',
    ours: /"host" is in the view, but the template never uses it/,
  },
  {
    hole: 'values are escaped for HTML',
    template: '{{query}}',
    view: { query: 'a&b/"c"=`d`' },
    bare: 'a&amp;b&#x2F;&quot;c&quot;&#x3D;&#x60;d&#x60;',
    ours: 'a&b/"c"=`d`',
  },
  {
    hole: 'what every object inherits counts as set',
    template: '{{constructor}}',
    view: {},
    bare: '[object Object]',
    ours: /"constructor" is not set/,
  },
  {
    hole: 'so does what a text inherits',
    template: '{{host.constructor.name}} {{host.length}}',
    view: { host: 'lb-1' },
    bare: 'String 4',
    ours: /"host.constructor.name" is not set(.|\n)*"host.length" is not set/,
  },
  {
    hole: 'an object is printed by its type',
    template: '{{tls}}',
    view: { tls: {} },
    bare: '[object Object]',
    ours: /"tls" is an object; print its fields by their names/,
  },
  {
    hole: 'a list is joined by commas',
    template: '{{{names}}}',
    view: { names: ['a', 'b'] },
    bare: 'a,b',
    ours: /"names" is a list; print its items with a section/,
  },
  {
    hole: 'a function is called',
    template: '{{now}}',
    view: { now: () => 'called' },
    bare: 'called',
    ours: /"now" is a function/,
  },
  {
    hole: 'a function is called for a section, and makes the text',
    template: '{{#wrap}}x{{/wrap}}',
    view: { wrap: () => (text: string) => `<${text}>` },
    bare: '<x>',
    ours: /"wrap" is a function/,
  },
  {
    hole: 'null and undefined are empty',
    template: '{{a}}{{b}}',
    view: { a: null, b: undefined },
    bare: '',
    ours: /"a" is null(.|\n)*"b" is undefined/,
  },
  {
    hole: 'not a number is printed',
    template: '{{port}}',
    view: { port: NaN },
    bare: 'NaN',
    ours: /"port" is NaN/,
  },
  {
    hole: 'the number 0 switches a section off',
    template: '{{#retries}}retries {{retries}}{{/retries}}',
    view: { retries: 0 },
    bare: '',
    ours: /"retries" is a number/,
  },
  {
    hole: "a format of docker's is swallowed",
    template: "docker ps --format '{{.Names}}'",
    view: {},
    bare: "docker ps --format ''",
    ours: /x\.mustache:1:21 .*"\.Names" is not a name; if it is meant as text.*tags: \['<%', '%>'\]/,
  },
  {
    hole: 'a value can bring a second line',
    template: 'owner {{owner}}',
    view: { owner: 'ops\nroot' },
    bare: 'owner ops\nroot',
    ours: /"owner" holds a line break at character 4/,
  },
  {
    hole: 'an unclosed tag is reported at the end of the file',
    template: 'a\n  {{host\nb\n',
    view: { host: 'lb-1' },
    bare: 'Error: Unclosed tag at 13',
    ours: /x\.mustache:2:3 .*this tag is never closed/,
  },
];

describe('each hole of mustache is there, and is closed by renderTemplate', () => {
  test.each(holes)('$hole', ({ template, view, bare, ours }) => {
    expect(orError(() => Mustache.render(template, view, {}))).toBe(bare);
    const file = join(folder, 'x.mustache');
    writeFileSync(file, template);
    const result = orError(() => renderTemplate(file, view as TemplateView));
    if (typeof ours === 'string') expect(result).toBe(ours);
    else expect(result).toMatch(ours);
  });

  test('one who changes the escaping of mustache for everybody does not change ours', () => {
    const file = join(folder, 'x.mustache');
    writeFileSync(file, '{{a}}');
    const { escape } = Mustache;
    try {
      Mustache.escape = () => 'changed';
      expect(Mustache.render('{{a}}', { a: '&' })).toBe('changed');
      expect(renderTemplate(file, { a: '&' })).toBe('&');
    } finally {
      Mustache.escape = escape;
    }
  });
});

function orError(render: () => string): string {
  try {
    return render();
  } catch (error) {
    return String(error);
  }
}
