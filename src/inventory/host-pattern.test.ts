import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProvisionError } from '../core/errors.ts';
import { hostListsIn, matchHosts } from './host-pattern.ts';
import { parseInventory } from './parse-inventory.ts';

const inventory = parseInventory(
  `
all:
  hosts:
    alone: {}
    2001:db8::1: {}
web:
  hosts: { web-1: {}, web-2: {}, web-3: {} }
lb:
  hosts: { lb-1: {}, lb-2: {} }
europe:
  children:
    berlin: { hosts: { lb-1: {}, db.berlin: {} } }
    paris: { hosts: { web-2: {} } }
empty: {}
`,
  'inventory.yaml',
);

const lists = new Map([
  ['hosts.txt', ['web-1', 'lb:!lb-2']],
  ['without.txt', ['!web-1']],
  ['failed', ['web-3']],
  ['circle', ['@circle']],
]);

const match = (...patterns: string[]) => matchHosts(patterns, inventory, { option: '--limit', lists });

describe('a pattern of hosts', () => {
  test.each<[string, string[]]>([
    ['web-1', ['web-1']],
    ['web', ['web-1', 'web-2', 'web-3']],
    ['web:lb', ['web-1', 'web-2', 'web-3', 'lb-1', 'lb-2']],
    ['web, lb-1', ['web-1', 'web-2', 'web-3', 'lb-1']],
    ['lb:!lb-2', ['lb-1']],
    ['!lb-2:lb', ['lb-1']],
    ['web:&paris', ['web-2']],
    // Unions first, then intersections, then exclusions, wherever they stand.
    ['&europe:web:!web-2:lb', ['lb-1']],
    ['europe', ['web-2', 'lb-1', 'db.berlin']],
    ['web*', ['web-1', 'web-2', 'web-3']],
    ['*-1', ['web-1', 'lb-1']],
    ['web-[!1]', ['web-2', 'web-3']],
    ['*.berlin', ['db.berlin']],
    ['~(web|lb)-1', ['web-1', 'lb-1']],
    ['~.*-2$', ['web-2', 'lb-2']],
    ['web[0]', ['web-1']],
    ['web[-1]', ['web-3']],
    ['web[1:2]', ['web-2', 'web-3']],
    ['web[1:]', ['web-2', 'web-3']],
    ['web[0:9]', ['web-1', 'web-2', 'web-3']],
    ['web*[1],lb', ['web-2', 'lb-1', 'lb-2']],
    ['ungrouped', ['alone', '2001:db8::1']],
    ['2001:db8::1', ['2001:db8::1']],
    ['!2001:db8::1', ['alone', 'web-1', 'web-2', 'web-3', 'lb-1', 'lb-2', 'db.berlin']],
    ['!web:!europe', ['alone', '2001:db8::1', 'lb-2']],
    ['&web', ['web-1', 'web-2', 'web-3']],
    ['all:!all', []],
    ['lb:!empty', ['lb-1', 'lb-2']],
    ['empty', []],
    ['@hosts.txt', ['web-1', 'lb-1']],
    ['web,@without.txt', ['web-2', 'web-3']],
    ['web:!@hosts.txt', ['web-2', 'web-3']],
    ['@failed', ['web-3']],
  ])('%s', (pattern, hosts) => {
    expect(new Set(match(pattern))).toEqual(new Set(hosts));
  });

  test('all and * are every host, in the order of the inventory', () => {
    expect(match('all')).toEqual([...inventory.hosts.keys()]);
    expect(match('*')).toEqual(match('all'));
  });

  test('several options add up to one pattern', () => {
    expect(match('web', '!web-1')).toEqual(['web-2', 'web-3']);
  });

  test('names the lists that it needs', () => {
    expect(hostListsIn(['web:!@a.txt', '@failed', 'x,&@b.txt'])).toEqual(['a.txt', 'failed', 'b.txt']);
  });
});

describe('a pattern that is wrong', () => {
  const problems = (...patterns: string[]) => {
    try {
      match(...patterns);
    } catch (error) {
      if (error instanceof ProvisionError) return error.problems;
      throw error;
    }
    return [];
  };

  test.each([
    ['wbe-1', 'did you mean "web-1"?'],
    ['lbb', 'did you mean "lb"?'],
    ['nowhere', 'its groups are: '],
    ['web:!nowhere', 'its groups are: '],
    ['nothing*', 'its groups are: '],
    ['~nothing', 'its groups are: '],
    ['web[7]', 'the first one is [0]'],
    ['web[-4]', 'the first one is [0]'],
    ['web[2:1]', 'the first one is [0]'],
    ['web[:3]', 'write [0:2]'],
    ['~(', 'correct it'],
    ['@circle', 'one a line'],
    ['', 'leave the option out'],
    [' , ', 'leave the option out'],
  ])('%j', (pattern, remedy) => {
    const [problem] = problems(pattern);
    expect(problem).toMatchObject({ code: 'SELECTION', hostState: 'nothing was contacted' });
    expect(problem.happened).toMatch(/^--limit: /);
    expect(problem.remedy).toContain(remedy);
  });

  test('all that are wrong are told at once', () => {
    expect(problems('wbe-1,lbb', 'web[7]')).toHaveLength(3);
  });
});

test('is the algebra of sets, whatever the order of its parts', () => {
  const hosts = [...inventory.hosts.keys()];
  const names = ['web', 'lb', 'europe', 'berlin', 'alone', 'web-1', 'lb-1', 'all', '*-2'];
  const term = fc.tuple(fc.constantFrom('', '&', '!'), fc.constantFrom(...names));
  const setOf = (name: string) => new Set(match(name));
  fc.assert(
    fc.property(fc.array(term, { minLength: 1, maxLength: 6 }), (terms) => {
      const named = (operator: string) =>
        terms.filter(([own]) => own === operator).map(([, name]) => setOf(name));
      const unions = named('');
      const expected = hosts
        .filter((host) => unions.length === 0 || unions.some((set) => set.has(host)))
        .filter((host) => named('&').every((set) => set.has(host)))
        .filter((host) => !named('!').some((set) => set.has(host)));
      expect(match(terms.map((parts) => parts.join('')).join(':'))).toEqual(expected);
    }),
  );
});
