import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnyField, FieldContext } from './field.ts';
import {
  boolean,
  choice,
  fqdn,
  hostAddress,
  integer,
  largeFile,
  list,
  localFile,
  localFolder,
  oneOf,
  path,
  port,
  record,
  secret,
  secretFile,
  text,
} from './fields.ts';
import { Secret } from './secret.ts';

const files: Record<string, { content: string; mode: number }> = {
  '/in/open.pem': { content: 'pem', mode: 0o644 },
  '/in/closed.pem': { content: 'pem', mode: 0o600 },
};

function contextOf(warnings: string[] = [], vars = {}): FieldContext {
  return {
    folder: '/in',
    vars,
    now: new Date(0),
    readOnly: true,
    resolvePath: (given) => (given.startsWith('/') ? given : `/in/${given}`),
    readFile: async (given) => {
      const found = files[given];
      if (!found) throw new Error(`${given} does not exist`);
      return { content: new TextEncoder().encode(found.content), mode: found.mode };
    },
    readFolder: async (given) => {
      if (given !== '/in/pages') throw new Error(`${given} does not exist`);
      return { 'index.html': { content: new TextEncoder().encode('hello'), executable: false } };
    },
    largeFile: async (given) => {
      if (!files[given]) throw new Error(`${given} does not exist`);
      return { path: given, size: 3, sha256: async () => '', read: () => (async function* () {})() };
    },
    readSecret: async (source, name) => {
      if (typeof source === 'string') throw new Error('is a secret that stands in the inventory itself');
      return new Secret((source as { env: string }).env, name);
    },
    warn: (at, told) => warnings.push(`${at.join('.')}: ${told}`),
  };
}

async function problemsOf(field: AnyField, value: unknown): Promise<string[]> {
  const parsed = await field.parse(value, contextOf());
  if ('value' in parsed) return [];
  return parsed.problems.map(({ path: at, happened, remedy }) =>
    [at.join('.'), happened, remedy].filter(Boolean).join(' | '),
  );
}

async function valueOf(field: AnyField, value: unknown): Promise<unknown> {
  const parsed = await field.parse(value, contextOf());
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.value;
}

describe('what YAML makes of a value', () => {
  // Left: what YAML 1.2 yields for what is written; right: what the person is told.
  it.each([
    ['mode: 0644', text(), 644, 'must be text, found a whole number | write it in quotes: "…"'],
    ['version: 1.10', text(), 1.1, 'must be text, found a number | write it in quotes: "…"'],
    ['version: 0x1F', text(), 31, 'must be text, found a whole number | write it in quotes: "…"'],
    ['name: true', text(), true, 'must be text, found true or false | write it in quotes: "…"'],
    ['name:', text(), null, 'must be text, found no value'],
    ['name: []', text(), [], 'must be text, found a list'],
    ['name: {}', text(), {}, 'must be text, found a mapping'],
    ['level: 1', choice('1', '2'), 1, 'must be one of 1, 2, found a whole number | write it in quotes: "…"'],
    ['on: yes', boolean(), 'yes', 'must be true or false, found text | write true or false, without quotes'],
    ['on: off', boolean(), 'off', 'must be true or false, found text | write true or false, without quotes'],
    [
      'on: "true"',
      boolean(),
      'true',
      'must be true or false, found text | write true or false, without quotes',
    ],
    ['on: 1', boolean(), 1, 'must be true or false, found a whole number'],
    ['count: "8"', integer(), '8', 'must be a whole number, found text | leave out the quotes'],
    ['count: 1.5', integer(), 1.5, 'must be a whole number, found a number'],
    ['count: .inf', integer(), Infinity, 'must be a whole number, found a number'],
    ['count: .nan', integer(), NaN, 'must be a whole number, found a number'],
    ['count: 99999999999999999999', integer(), 1e20, 'must be a whole number, found a whole number'],
    ['count: 1_000', integer(), '1_000', 'must be a whole number, found text'],
    ['at: 12:30:45', integer(), '12:30:45', 'must be a whole number, found text'],
    ['port: 0', port(), 0, 'must be a port from 1 to 65535, found a whole number outside of that'],
    ['port: 65536', port(), 65536, 'must be a port from 1 to 65535, found a whole number outside of that'],
    ['port: "80"', port(), '80', 'must be a port from 1 to 65535, found text | leave out the quotes'],
    [
      'list: x',
      list(text()),
      'x',
      'must be a list, each entry text, found text | write each entry on its own line, after "- "',
    ],
  ])('S38: %s', async (_, field: AnyField, value, told) => {
    expect(await problemsOf(field, value)).toEqual([told]);
  });

  it.each([
    [text(), 'v2.8.5'],
    [text(), 'no'],
    [integer({ min: -1, max: 1 }), -1],
    [boolean(), false],
    [port(), 65535],
    [choice('off', 'on'), 'off'],
    [list(integer()), [1, 2]],
  ])('takes what is right as it is', async (field: AnyField, value) => {
    expect(await valueOf(field, value)).toEqual(value);
  });

  it('never shows the value, which may be a secret in the wrong place', async () => {
    const fields: AnyField[] = [
      text({ pattern: /a/ }),
      integer(),
      boolean(),
      port(),
      fqdn(),
      hostAddress(),
      path(),
      choice('a'),
      list(port()),
    ];
    const told = await Promise.all(fields.map((field) => problemsOf(field, ' hunter2hunter2')));
    expect(told.every((problems) => problems.length > 0)).toBe(true);
    expect(JSON.stringify(told)).not.toContain('hunter2');
  });
});

const goodNames = [
  ['rancher.example.com', 'rancher.example.com'],
  ['RANCHER.Example.COM', 'rancher.example.com'],
  ['a.b', 'a.b'],
  ['1a.2b', '1a.2b'],
  ['3com.com', '3com.com'],
  ['x--y.example', 'x--y.example'],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['例え.テスト', 'xn--r8jz45g.xn--zckzah'],
  [`${'a'.repeat(63)}.example`, `${'a'.repeat(63)}.example`],
  [`${'a.'.repeat(125)}com`, `${'a.'.repeat(125)}com`],
] as const;

const badNames = [
  ...[
    '',
    'localhost',
    '.',
    '..',
    '.a.b',
    'a.b.',
    'a..b',
    '-a.b',
    'a-.b',
    'a.-b',
    'a.b-',
    'a_b.c',
    '*.a.b',
    'a b.c',
    ' a.b',
    'a.b ',
  ],
  ...[
    'a.com;}',
    'a.com{',
    '$(id).a',
    '`id`.a',
    '-oProxyCommand=id',
    'a.b/c',
    'a.b\\c',
    'a.b:80',
    'user@a.b',
    'http://a.b',
    'a.b?c',
    'a.b#c',
  ],
  ...[
    'a.com; } location /x/ { alias /; } server_name b',
    "a'.b",
    'a".b',
    'a$.b',
    'a%2e.b',
    'a%.b',
    'a,b.c',
    '~a.b',
    '!!.a',
    'a|b.c',
    'a&b.c',
  ],
  ...[
    'a<b.c',
    'a>b.c',
    'a\n.b',
    'a.b\n',
    'a\r.b',
    'a\t.b',
    'a\0.b',
    'a\x1b.b',
    'a\x7f.b',
    '\u0085a.b',
    '\ufeffa.b',
    'a\u00a0.b',
    'a\u2028.b',
  ],
  ...[
    'a\u200bb.c',
    'a\u200d.b',
    'a\u202e.b',
    '\u2066a.b',
    'a\u00ad.b',
    'a。b',
    'ａ.b',
    'ﬁ.example',
    '①.example',
    '\u212a.example',
    'a\u0301̈.\u0301-',
  ],
  ...[
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f.1',
    '0x7f000001',
    '010.0.0.1',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    'a.1',
    'a.0x1f',
    'a.0x',
    '::1',
    '[::1]',
  ],
  ...[
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(126)}com`,
    'a'.repeat(5000),
    `${'ü'.repeat(63)}.example`,
    'xn--\u0430.b',
    '\ud800.b',
    '😀.example',
  ],
];

// What NGINX, a shell, a URL or a terminal would take for more than a letter.
const dangerousCharacters = Array.from(
  ';{}()[]<>"\'`$\\#!?*&|^%~=+,:/@_ \t\n\r\0\x1b\x7f\u0085\u00a0\u200b\u200f\u202e\u2066\u3002\uff0e\ufeff',
);

describe('fqdn', () => {
  it.each(goodNames)('reads %s', async (given, name) => {
    expect(await valueOf(fqdn(), given)).toBe(name);
  });

  it.each(badNames)('refuses %j', async (given) => {
    expect(await problemsOf(fqdn(), given)).toHaveLength(1);
  });

  it.each(dangerousCharacters)(
    'refuses the character %j at the start, in the middle and at the end',
    async (character) => {
      for (const given of [`${character}a.example`, `a${character}b.example`, `a.example${character}`]) {
        expect(await problemsOf(fqdn(), given)).toHaveLength(1);
      }
    },
  );

  it.each([
    ['bücher.example', ': bücher.example is xn--bcher-kva.example in DNS'],
    [
      'раypal.com',
      ': раypal.com is xn--ypal-43d9g.com in DNS; it mixes letters of several scripts, as look-alike names do',
    ],
  ])('shows what %s is in DNS', async (given, told) => {
    const warnings: string[] = [];
    await fqdn().parse(given, contextOf(warnings));
    expect(warnings).toEqual([told]);
  });

  it('yields only letters, digits, hyphens and dots, whatever it is given', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), fc.domain(), fc.string()), async (given) => {
        const parsed = await fqdn().parse(given, contextOf());
        fc.pre('value' in parsed);
        if ('value' in parsed)
          expect(parsed.value).toMatch(/^(?=.{3,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]+$/);
      }),
    );
  });
});

describe('hostAddress', () => {
  it.each([
    ['10.0.0.5', '10.0.0.5'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['::1', '::1'],
    ['web-1', 'web-1'],
    ['web_1', 'web_1'],
    ['Web.Example.com', 'web.example.com'],
  ])('reads %s', async (given, address) => {
    expect(await valueOf(hostAddress(), given)).toBe(address);
  });

  it.each([
    '127.1',
    '2130706433',
    '0x7f.1',
    '010.0.0.1',
    '1.2.3.256',
    '1::2::3',
    'fe80::1%eth0',
    '[::1]',
    '10.0.0.5:22',
    '-oProxyCommand=id',
    'a b',
    '$(id)',
    'a;b',
    'root@a',
  ])('refuses %s', async (given) => {
    expect(await problemsOf(hostAddress(), given)).toHaveLength(1);
  });
});

describe('path', () => {
  it.each(['/opt/rancher', '/a', '/a b/c;d', '/..a/b..', '/.hidden', `/${'a'.repeat(255)}`])(
    'takes %s',
    async (given) => {
      expect(await valueOf(path(), given)).toBe(given);
    },
  );

  it.each([
    '',
    '/',
    'a',
    './a',
    '~/a',
    '/a/',
    '/a//b',
    '//a',
    '/a/../b',
    '/..',
    '/a/.',
    '/a\nb',
    '/a\0',
    '/a\u202eb',
    `/${'a'.repeat(256)}`,
    `/${'ü'.repeat(128)}`,
    '/a'.repeat(2048),
    'C:\\a',
  ])('refuses %j', async (given) => {
    expect(await problemsOf(path(), given)).toHaveLength(1);
  });
});

describe('text', () => {
  it('must match its pattern as a whole, on every try', async () => {
    const field = text({ pattern: /a|ab/g, expects: 'a or ab' });
    expect(await problemsOf(field, 'ab')).toEqual([]);
    expect(await problemsOf(field, 'ab')).toEqual([]);
    expect(await problemsOf(field, 'abc')).toEqual(['must be a or ab']);
    expect(await problemsOf(field, 'a\n')).toHaveLength(1);
  });

  it.each(['a\nb', 'a\x1b[31m', 'a\u202eb', 'a\u200bb', 'a\u2028b', '\ud800'])(
    'refuses %j',
    async (given) => {
      expect(await problemsOf(text(), given)).toHaveLength(1);
    },
  );
});

describe('files and secrets', () => {
  it('reads a local file, and says why it cannot', async () => {
    const file = (await valueOf(localFile(), 'open.pem')) as { path: string; text: () => string };
    expect([file.path, file.text()]).toEqual(['/in/open.pem', 'pem']);
    expect(await problemsOf(localFile(), 'no.pem')).toEqual([
      '/in/no.pem does not exist | check the path; relative ones start at the inventory',
    ]);
    expect(await problemsOf(localFile(), 'a\0b')).toHaveLength(1);
  });

  it('looks at a large file without reading it, and says why it cannot', async () => {
    expect(await valueOf(largeFile(), 'open.pem')).toMatchObject({ path: '/in/open.pem', size: 3 });
    expect(await problemsOf(largeFile(), 'no.tar')).toEqual([
      '/in/no.tar does not exist | check the path; relative ones start at the inventory',
    ]);
    expect((await problemsOf(largeFile(), 7))[0]).toBe('must be the path of a file, found a whole number');
    expect(largeFile({ extensions: ['.tar'] }).ask('Archive').question).toEqual({
      type: 'path',
      message: 'Archive',
      extensions: ['.tar'],
    });
  });

  it('reads a folder, and says why it cannot', async () => {
    expect(await valueOf(localFolder(), 'pages')).toMatchObject({
      path: '/in/pages',
      files: { 'index.html': { executable: false } },
    });
    expect(await problemsOf(localFolder(), 'no')).toEqual([
      '/in/no does not exist | check the path; relative ones start at the inventory',
    ]);
    expect((await problemsOf(localFolder(), 7))[0]).toBe(
      'must be the path of a folder, found a whole number',
    );
  });

  it('hides the content of a secret file, and warns when others may read it', async () => {
    const warnings: string[] = [];
    const parsed = await secretFile().parse('open.pem', contextOf(warnings));
    expect(JSON.stringify(parsed)).toBe(
      '{"value":{"path":"/in/open.pem","secret":"‹secret:/in/open.pem›","mode":420}}',
    );
    expect(warnings).toEqual([
      ': /in/open.pem has mode 0644: others on this machine may read it; chmod 600 it',
    ]);
    await secretFile().parse('closed.pem', contextOf(warnings));
    expect(warnings).toHaveLength(1);
  });

  it('takes the source of a secret, never the secret', async () => {
    expect(await valueOf(secret(), { env: 'hunter22' })).toBeInstanceOf(Secret);
    expect((await problemsOf(secret(), 'hunter22'))[0]).toMatch(
      /^is a secret that stands in the inventory itself \| give .*\{ env: NAME \}/,
    );
  });

  it('names a secret by its place, and warns when it is too short to be masked', async () => {
    const warnings: string[] = [];
    const field = record({ password: secret() });
    const parsed = await field.parse({ password: { env: 'short' } }, contextOf(warnings));
    expect('value' in parsed && parsed.value.password.name).toBe('password');
    expect(warnings).toEqual(['password: has fewer than 6 characters, too few to be masked in output']);
  });
});

describe('record', () => {
  const registry = record({ url: fqdn(), port: port().default(443), user: text().optional() });

  it('fills in what may be left out', async () => {
    expect(await valueOf(registry, { url: 'r.example.com' })).toEqual({
      url: 'r.example.com',
      port: 443,
      user: undefined,
    });
  });

  it('tells everything at once: unknown, missing and wrong', async () => {
    expect(await problemsOf(registry, { prot: 1, port: 0, users: 'x', else: 1 })).toEqual([
      'prot | is not known here | did you mean "port"?',
      'users | is not known here | did you mean "user"?',
      'else | is not known here | known are: url, port, user',
      'url | is missing | give a full host name such as rancher.example.com',
      'port | must be a port from 1 to 65535, found a whole number outside of that',
    ]);
  });

  it('points into lists of records', async () => {
    expect(await problemsOf(list(registry), [{ url: 'r.example.com' }, { url: 1 }])).toEqual([
      '1.url | must be a full host name such as rancher.example.com, found a whole number',
    ]);
  });
});

describe('oneOf', () => {
  const certificate = oneOf(
    {
      'own-ca': { title: 'Own CA', fields: { chain: localFile(), ca: localFile() } },
      create: {
        title: 'Make one',
        fields: { days: integer().default(30) },
        make: async (context, { days }) => ({
          option: 'create' as const,
          name: context.vars['hostname'],
          days,
        }),
      },
    },
    { message: 'Which certificate?' },
  );

  it('yields the fields of the variant', async () => {
    expect(await valueOf(certificate, { option: 'own-ca', chain: 'open.pem', ca: 'open.pem' })).toMatchObject(
      { option: 'own-ca', ca: { path: '/in/open.pem' } },
    );
  });

  it('yields what was made of them', async () => {
    const parsed = await certificate.parse({ option: 'create' }, contextOf([], { hostname: 'a.b' }));
    expect(parsed).toEqual({ value: { option: 'create', name: 'a.b', days: 30 } });
  });

  it.each([
    [{}, ['option | is missing | give one of own-ca, create']],
    [{ option: 'own_ca' }, ['option | must be one of own-ca, create | did you mean "own-ca"?']],
    [{ option: 'constructor' }, ['option | must be one of own-ca, create']],
    [
      { option: 'own-ca', ca: 'open.pem', key: 1 },
      ['key | is not known here | known are: chain, ca', 'chain | is missing | give the path of a file'],
    ],
    [
      'create',
      ['must be a mapping with option: own-ca or create, found text | write it as { option: create }'],
    ],
  ])('refuses %j', async (given, told) => {
    expect(await problemsOf(certificate, given)).toEqual(told);
  });

  it('is asked as a choice, with the fields that come next', () => {
    expect(certificate.question).toMatchObject({
      type: 'choice',
      message: 'Which certificate?',
      choices: [
        { value: 'own-ca', title: 'Own CA' },
        { value: 'create', title: 'Make one' },
      ],
    });
  });
});

describe('refinements', () => {
  it('run after the field itself, with the value that it read, and only on what was given', async () => {
    const seen: unknown[] = [];
    const field = hostAddress()
      .check(async (value) => {
        seen.push(value);
        return value === 'a' ? [{ path: [], happened: 'must not be a' }] : [];
      })
      .optional();
    expect(await problemsOf(field, 'A')).toEqual(['must not be a']);
    expect(await problemsOf(field, 1)).toHaveLength(1);
    expect(seen).toEqual(['a']);
    expect(field.fallback).toEqual({ value: undefined });
  });

  it('leave the field as it is that they are called on', () => {
    const plain = text();
    plain.default('x').describe('y');
    plain.ask('z');
    expect([plain.fallback, plain.question, plain.schema]).toEqual([undefined, undefined, text().schema]);
  });

  it('show in the schema', () => {
    expect(
      record({ a: port().default(80).describe('The port.'), b: text().optional(), c: text() }).schema,
    ).toMatchObject({
      properties: {
        a: { type: 'integer', minimum: 1, maximum: 65535, default: 80, description: 'The port.' },
      },
      required: ['c'],
      additionalProperties: false,
    });
  });
});
