import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TemplateView } from '../../../src/templates/template.ts';
import { renderTemplate, templateNames } from '../../../src/templates/template.ts';
import { expectedSite, expectedWhole } from './expected-tree.ts';
import type { Directive } from './parse-nginx.ts';
import { parseNginx } from './parse-nginx.ts';
import type { ProxyView } from './proxy-view.ts';
import { fullest, nginx118, nginx122, nginx126, smallest, validView } from './proxy-view.ts';

const folder = new URL('../../../templates/nginx/', import.meta.url);
const siteTemplate = new URL('site.conf.mustache', folder);
const wholeTemplate = new URL('nginx.conf.mustache', folder);

const renderSite = (view: TemplateView) => renderTemplate(siteTemplate, view, { dialect: 'nginx' });
const renderWhole = (view: TemplateView) => renderTemplate(wholeTemplate, view, { dialect: 'nginx' });
const conf = ['/etc/nginx/conf.d/*.conf'];

describe('read by a person once', () => {
  test.each<[string, () => string]>([
    ['site-1.18-fullest.conf', () => renderSite({ ...fullest, ...nginx118 })],
    ['site-1.22-smallest.conf', () => renderSite({ ...smallest, ...nginx122 })],
    ['site-1.26-fullest.conf', () => renderSite({ ...fullest, ...nginx126 })],
    ['nginx-1.22-fullest.conf', () => renderWhole({ ...fullest, ...nginx122, includes: conf })],
    ['nginx-1.26-smallest.conf', () => renderWhole({ ...smallest, ...nginx126, includes: [] })],
  ])('%s', async (name, render) => {
    await expect(render()).toMatchFileSnapshot(`rendered/${name}`);
  });
});

describe('for any valid view nginx reads exactly what was meant', () => {
  test('S31: site.conf', () => {
    fc.assert(
      fc.property(validView, (view) => {
        expect(parseNginx(renderSite(view))).toEqual(expectedSite(view));
      }),
      { numRuns: 1000 },
    );
  }, 30_000);

  test('S31: nginx.conf', () => {
    fc.assert(
      fc.property(validView, fc.constantFrom([], conf), (view, includes) => {
        const whole = { ...view, includes };
        expect(parseNginx(renderWhole(whole))).toEqual(expectedWhole(whole));
      }),
      { numRuns: 1000 },
    );
  }, 30_000);
});

describe('S31: a hostile value in any field is refused', () => {
  const attack = 'lb.example.com; location /x/ { alias /; } server_name b';
  const hostile = [
    attack,
    'a;',
    'a{',
    'a}',
    'a"',
    "a'",
    'a$host',
    'a#',
    'a\\',
    'a\nb',
    'a\0',
    'a b',
    '~.',
    '*',
    '',
  ];
  const view: TemplateView = { ...fullest, ...nginx118, includes: conf };
  const texts = [
    'hostname',
    'authority',
    'certificate',
    'key',
    'maxBodySize',
    'configHash',
    'httpPort',
    'httpsPort',
  ];
  const places: readonly [string, (value: string) => TemplateView][] = [
    ...texts.map((name): [string, (value: string) => TemplateView] => [
      name,
      (value) => ({ ...view, [name]: value }),
    ]),
    ['upstreams[1]', (value) => ({ ...view, upstreams: ['10.0.0.5:80', value] })],
    ['includes[0]', (value) => ({ ...view, includes: [value] })],
    ['hsts.maxAge', (value) => ({ ...view, hsts: { maxAge: value, includeSubDomains: false } })],
  ];

  test.each(places)('%s', (name, withValue) => {
    for (const value of hostile) {
      expect(() => renderWhole(withValue(value)), value).toThrow(
        `"${name}" ${value === '' ? 'is empty' : ''}`,
      );
      expect(() => renderWhole(withValue(value)), value).toThrow(
        /proxy\.conf\.mustache:\d+:\d+|nginx\.conf\.mustache:\d+:\d+/,
      );
    }
  });

  test('a flag is never printed, whatever it is', () => {
    for (const flag of ['ipv6', 'catchAll', ...Object.keys(nginx118)]) {
      expect(renderWhole({ ...view, [flag]: attack })).toBe(renderWhole({ ...view, [flag]: true }));
    }
  });

  test('bare text would have passed through: the refusal is what stops it', () => {
    const text = renderTemplate(siteTemplate, { ...smallest, ...nginx122, hostname: attack });
    expect(parseNginx(text)).not.toEqual(expectedSite({ ...smallest, ...nginx122, hostname: attack }));
  });
});

describe('what the configuration promises', () => {
  const directives = (view: ProxyView) => flat(parseNginx(renderSite(view)));

  test('"http2 on" and "listen … http2" are never together', () => {
    fc.assert(
      fc.property(validView, (view) => {
        const words = directives(view).map((directive) => directive.words.join(' '));
        const onListen = words.some((line) => /^listen .* http2/.test(line));
        expect(words.includes('http2 on')).toBe(!onListen);
      }),
    );
  });

  test('no location cancels the headers of its server', () => {
    fc.assert(
      fc.property(validView, (view) => {
        const locations = directives(view).filter(({ words }) => words[0] === 'location');
        expect(locations).toHaveLength(1);
        expect(flat(locations[0]!.block!).some(({ words }) => words[0] === 'add_header')).toBe(false);
      }),
    );
  });

  test('whatever is defined for all of nginx has a name of ours', () => {
    const names = directives({ ...fullest, ...nginx126 }).flatMap(({ words }) => {
      if (words[0] === 'upstream') return [words[1]!];
      if (words[0] === 'map') return [words[2]!.slice(1)];
      return words[0] === 'ssl_session_cache' ? [words[1]!.split(':')[1]!] : [];
    });
    expect(names).toHaveLength(5);
    for (const name of names) expect(name).toMatch(/^provision_rancher/);
  });

  test('the template asks for no more than its comment says', () => {
    const fields = [...Object.keys({ ...fullest, ...nginx126 }), 'maxAge', 'includeSubDomains'];
    expect([...templateNames(siteTemplate)].sort()).toEqual(fields.sort());
    expect([...templateNames(wholeTemplate)].sort()).toEqual([...fields, 'includes'].sort());
  });
});

function flat(directives: readonly Directive[]): readonly Directive[] {
  return directives.flatMap((directive) => [directive, ...flat(directive.block ?? [])]);
}
