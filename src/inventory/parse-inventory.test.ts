import { describe, expect, it } from 'vitest';
import { ProvisionError } from '../core/errors.ts';
import { formatLocation } from '../core/source.ts';
import { parseInventory } from './parse-inventory.ts';
import { plainValue } from './yaml-node.ts';

/** `line:column what happened`, for each problem. */
function problemsOf(text: string): string[] {
  try {
    parseInventory(text, 'i.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof ProvisionError)) throw error;
    expect(new Set(error.problems.map(({ code }) => code))).toEqual(new Set(['INVENTORY']));
    return error.problems.map(
      ({ at, happened }) => `${at?.map(formatLocation).join().replace('i.yaml:', '') ?? ''} ${happened}`,
    );
  }
}

const valid = `playbook: site.ts
all:
  vars:
    hostname: rancher.example.com
rancher:
  hosts:
    rancher-1: { host: 10.0.0.5, user: deploy, key: ~/.ssh/id }
    rancher-2:
  vars:
    data_dir: /opt/rancher
site:
  children:
    rancher:
    lb:
      hosts:
        lb-1:
          ansible_host: 10.0.0.6
          http_port: 81
          vars:
            user: nginx
`;

describe('parseInventory', () => {
  it("reads Ansible's shape beside plain words", () => {
    const { groups, hosts, playbook, folder } = parseInventory(valid, '/in/i.yaml');
    expect([folder, playbook?.path]).toEqual(['/in', '/in/site.ts']);
    expect(
      [...groups.values()].map(({ name, path, hosts: inside, children }) => [
        name,
        path.join('.'),
        [...inside],
        [...children],
      ]),
    ).toEqual([
      ['all', 'all', [], []],
      ['rancher', 'rancher', ['rancher-1', 'rancher-2'], []],
      ['site', 'site', [], ['rancher', 'lb']],
      ['lb', 'site.children.lb', ['lb-1'], []],
    ]);
    const lb = hosts.get('lb-1')!;
    expect([[...lb.settings.keys()], [...lb.vars.keys()]]).toEqual([['ansible_host'], ['http_port', 'user']]);
    expect(plainValue(lb.vars.get('http_port')!.node)).toBe(81);
    expect(formatLocation(lb.vars.get('http_port')!.at)).toBe('/in/i.yaml:18:11');
  });

  it('gives values through anchors, aliases and merge keys', () => {
    const { hosts } = parseInventory(
      'web: { hosts: { a: &a { user: x, port: 1 }, b: { <<: *a, port: 2 }, c: *a } }',
      'i.yaml',
    );
    const settings = [...hosts.values()].map((host) =>
      [...host.settings].map(([key, { node }]) => [key, plainValue(node)]),
    );
    expect(settings).toEqual([
      [
        ['user', 'x'],
        ['port', 1],
      ],
      [
        ['port', 2],
        ['user', 'x'],
      ],
      [
        ['user', 'x'],
        ['port', 1],
      ],
    ]);
  });

  it('F56: tells everything that is wrong at once, each at its place', () => {
    expect(
      problemsOf(`hosts: { a: }
playbook: 7
web:
  host: { a: }
  hosts:
    - a
lb:
  vars: x
  hosts:
    -oProxyCommand=id:
    "a;b":
    web[01:20]:
    b: 10.0.0.1
"x y": {}
`),
    ).toEqual([
      '1:1 "hosts" belongs into a group',
      '4:3 "host" is not known in group web',
      '5:3 hosts must be a mapping, found a list',
      '8:3 vars of group lb must be a mapping, found text',
      '10:5 "-oProxyCommand=id" cannot name a host',
      '11:5 "a;b" cannot name a host',
      '12:5 "web[01:20]" cannot name a host',
      '13:5 host b must be a mapping, found text',
      '14:1 "x y" cannot name a group',
      '2:1 playbook: must be the path of a file, found a whole number',
    ]);
  });

  it.each([
    ['', '1:1 an inventory is a mapping of groups'],
    ['# only a comment', '1:1 an inventory is a mapping of groups'],
    ['- a\n- b', '1:1 an inventory is a mapping of groups'],
    ['web:\n  hosts:\n', '1:1 no hosts'],
    [
      'a: { hosts: { x: }, children: { b: { children: { a: } } } }',
      '1:1 groups contain each other: a > b > a',
    ],
    ['a: { hosts: { x: }, children: { a: } }', '1:1 groups contain each other: a > a'],
    ['a: { hosts: { x: }, children: { all: } }', '1:33 "all" holds every group, and is in none'],
    [
      'a: { hosts: { x: { port: 1 } } }\nb: { hosts: { x: { port: 2 } } }',
      '2:20 "port" of host x has another value at i.yaml:1:20',
    ],
  ])('refuses %j', (text, told) => {
    expect(problemsOf(text)).toEqual([told]);
  });
});

describe('hostile YAML', () => {
  const body = (inner: string) => `web: { hosts: { a: ${inner} } }`;

  it.each([
    ['a tag', body('!vault x'), '1:27 a tag (!) changes the type of a value'],
    ['a tag of YAML itself', body('{ mode: !!str 0644 }'), '1:34 a tag (!) changes the type of a value'],
    ['a tag on a mapping', body('!!map {}'), '1:26 a tag (!) changes the type of a value'],
    ['a tag of JavaScript', body('{ x: !!js/function "y" }'), '1:39 a tag (!) changes the type of a value'],
    ['YAML 1.1, in which no is false', `%YAML 1.1\n---\n${body('')}`, '1:1 asks for another YAML than 1.2'],
    ['a second document', `${body('')}\n---\nx: 1`, '2:1 a second document starts here'],
    ['a duplicate key', 'web: { hosts: { a: } }\nweb: {}', '2:1 "web" stands twice here; first in line 1'],
    [
      'a duplicate key far below',
      body('{ b: { c: 1, c: 1 } }'),
      '1:33 "c" stands twice here; first in line 1',
    ],
    [
      'a duplicate that quotes hide',
      'web: { hosts: { a: } }\n"web": {}',
      '2:1 "web" stands twice here; first in line 1',
    ],
    ['an alias without anchor', body('*nobody'), '1:20 an alias (*) has no anchor (&) of its name before it'],
    ['an alias inside of its anchor', body('&a { b: *a }'), '1:28 "*a" stands inside of its own anchor'],
    ['a key that is a list', body('{ [a]: 1 }'), '1:22 a key must be a word'],
    ['a key that is nothing', body('{ ~: 1 }'), '1:22 a key must be a word'],
    ['a tab as indentation', 'web:\n\thosts:', '2:1 a tab in the indentation'],
    ['an open quote', 'web: "x', '1:8 a quote is not closed'],
    ['two colons', 'web: a: b', '1:6 a second ": " on one line'],
  ])('S38: %s is refused', (_, text, told) => {
    expect(problemsOf(text)).toContain(told);
  });

  it.each(['__proto__', 'constructor', 'prototype'])(
    'S36: the key %s is refused at every depth, and pollutes nothing',
    (key) => {
      const texts = [
        `${key}: { polluted: 1 }\n${body('')}`,
        `web: { ${key}: { polluted: 1 }, hosts: { a: } }`,
        `web: { hosts: { a:, ${key}: { polluted: 1 } } }`,
        body(`{ ${key}: { polluted: 1 } }`),
        body(`{ vars: { x: { y: [ { "${key}": { polluted: 1 } } ] } } }`),
        `x: &x { ${key}: { polluted: 1 } }\nweb: { hosts: { a: { <<: *x } } }`,
      ];
      for (const text of texts) expect(problemsOf(text).join()).toContain(`"${key}" is no name for a value`);
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    },
  );

  const laughs = (levels: number) =>
    [
      'a0: &a0 [x]',
      ...Array.from(
        { length: levels },
        (_, n) => `a${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`).join(',')}]`,
      ),
    ].join('\n');

  it.each([
    ['[', '['.repeat(20_000)],
    ['[ to the limit of size', '['.repeat(999_999)],
    ['{', '{a: '.repeat(200_000)],
    ['- on one line', '- '.repeat(400_000)],
    ['? on one line', '? '.repeat(400_000)],
    ['indentation', Array.from({ length: 1000 }, (_, n) => `${' '.repeat(n)}a:`).join('\n')],
    [
      '[ inside of deep indentation',
      `${Array.from({ length: 40 }, (_, n) => `${' '.repeat(n)}a:`).join('\n')} ${'['.repeat(40)}`,
    ],
    ['too many aliases', `a: &a x\nb: [${Array(200).fill('*a').join(',')}]`],
    ['a billion laughs', laughs(9)],
    [
      'quadratic copies',
      `a: &a [${Array(5000).fill('x').join(',')}]\nb: [${Array(90).fill('*a').join(',')}]`,
    ],
    ['more than 1 MB', `# ${'x'.repeat(1_000_000)}`],
    ['100 000 keys of one mapping', Array.from({ length: 100_000 }, (_, n) => `k${n}:`).join('\n')],
  ])(
    'S37: a bomb of %s ends in a clean error, soon',
    (_, text) => {
      const before = process.memoryUsage().rss;
      expect(problemsOf(text).length).toBeGreaterThan(0);
      expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
    },
    30_000,
  );

  it('shows nothing of a line that is no YAML: there may be a secret on it', () => {
    for (const line of [
      '"x" hunter22',
      '[hunter22',
      '@hunter22',
      'a: hunter22: b',
      '!hunter22 x',
      '`hunter22`',
      '&hunter22 *hunter22 x',
    ]) {
      expect(problemsOf(`web: ${line}`).join().replace('!hunter22', '')).not.toContain('hunter22');
    }
  });

  it('says what is true of nesting that is allowed', () => {
    const deep = `${'['.repeat(50)}${']'.repeat(50)}`;
    expect(problemsOf(body(`{ vars: { x: ${deep} } }`))).toEqual([]);
    expect(
      problemsOf(`# ${'['.repeat(100)}\nweb: { hosts: { a: { vars: { x: "${'['.repeat(100)}" } } } }`),
    ).toEqual([]);
  });
});
