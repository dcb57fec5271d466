import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { loadSshConfig } from './load-ssh-config.ts';
import type { MatchedConfig } from './match-ssh-config.ts';
import { matchSshConfig } from './match-ssh-config.ts';

const hasSsh = spawnSync('ssh', ['-V']).status === 0;
// Each answer of ssh costs 25 ms: a few hundred in every run of the tests, thousands when they are asked for.
const batch = 8;
const runs = Math.ceil(Number(process.env['SSH_CONFIG_RUNS'] ?? 240) / batch);

const folder = mkdtempSync(join(tmpdir(), 'ssh-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hosts = ['web-1', 'web-2', 'db.example.com', 'Upper', '10.0.0.7'];
const localUser = userInfo().username;

const blank = fc.constantFrom(' ', '\t', '  ', ' = ', '=', ' =\t');
const patterns = fc.constantFrom(
  ...[
    'web-1',
    'web-*',
    '*',
    '!web-1',
    '!*.example.com',
    '*.example.com',
    'web-?',
    '?b*',
    'UPPER',
    'upper',
    '10.0.0.*',
  ],
  ...['"web-1"', "'web-2'", 'nothing', 'web-1,web-2'],
);
const lists = fc
  .array(
    fc.constantFrom(
      'web-1',
      'web-*',
      '!web-2',
      '*',
      'WEB-1',
      'deploy',
      'root',
      '10.?.*',
      'inner.test',
      '*.test',
    ),
    {
      minLength: 1,
      maxLength: 3,
    },
  )
  .map((items) => items.join(','));
const criterion = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('host', 'originalhost', 'user', 'localuser', 'Host', '!host', '!user'),
      blank,
      lists,
    )
    .map((parts) => parts.join('')),
  fc.constantFrom('final', '!final', 'canonical', '!canonical'),
);
const block = fc.oneof(
  fc
    .tuple(fc.constantFrom('Host', 'host', 'HOST'), blank, fc.array(patterns, { minLength: 1, maxLength: 3 }))
    .map(([keyword, gap, items]) => `${keyword}${gap}${items.join(' ')}`),
  fc.array(criterion, { minLength: 1, maxLength: 3 }).map((items) => `Match ${items.join(' ')}`),
  fc.constantFrom(
    'Match all',
    'match final all',
    'Match host web-1 all',
    'Match !all',
    'Match all # everybody',
    'Match host web-1 user root all',
  ),
);
const values: Record<string, readonly string[]> = {
  HostName: ['%h.test', 'Inner.Test', '10.0.0.9', '"%h"', 'x%%h', 'two words'],
  Port: ['22', '2222', '"2200"', '0', '70000', '22 # usual', "'23'"],
  User: ['deploy', 'root', '"two words"', 'a b', 'back\\slash', 'qu\\"ote'],
  IdentityFile: ['/keys/a', '"/keys/b c"', '/keys/%h', 'none', '/keys/a b', '/keys/e\\ f'],
  IdentitiesOnly: ['yes', 'no', 'TRUE', 'maybe'],
  IdentityAgent: ['none', '/run/agent', 'SSH_AUTH_SOCK', '$AGENT'],
  ProxyJump: [
    'none',
    'jump-1',
    'ops@jump-1:2222',
    'jump-1,jump-2',
    '[2001:db8::1]:22',
    'jump-1 # by way',
    'ssh://ops@jump-2:24',
    'a,,b',
    'jump-1:0',
  ],
  ServerAliveInterval: ['15', '1m', '1h30', 'none', 'soon'],
  ServerAliveCountMax: ['3', '7', '-', '"5"'],
  ConnectTimeout: ['5', '2m', 'none', '10x'],
  UserKnownHostsFile: ['/known/a', '/known/a "/known/b c"', 'none', '/known/a none'],
  GlobalKnownHostsFile: ['/known/g', '/known/g /known/h'],
  HostKeyAlias: ['alias', '"an alias"'],
  StrictHostKeyChecking: ['yes', 'ask', 'accept-new', 'no', 'Off', 'perhaps'],
  AddressFamily: ['inet', 'inet6', 'any', 'ipx'],
  PasswordAuthentication: ['yes', 'no'],
  ForwardAgent: ['yes'],
  Compression: ['yes'],
  IgnoreUnknown: ['Invented*', 'other'],
  InventedKeyword: ['value'],
};
const setting = fc
  .constantFrom(...Object.keys(values))
  .chain((keyword) =>
    fc.tuple(
      fc.constantFrom('', '  ', '\t'),
      fc.constantFrom(keyword, keyword.toLowerCase(), keyword.toUpperCase()),
      blank,
      // Seldom what cannot be read, which hides all else.
      fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom(...values[keyword]!.slice(0, 3)) },
        { weight: 1, arbitrary: fc.constantFrom(...values[keyword]!) },
      ),
      fc.constantFrom('', ' ', '\r', ' \t'),
    ),
  )
  .map((parts) => parts.join(''));
const noise = fc.constantFrom('', '# a comment', '  # Host web-1', '\t', 'Include', 'User "open', 'Port');
const line = fc.oneof(
  { weight: 12, arbitrary: setting },
  { weight: 5, arbitrary: block },
  { weight: 1, arbitrary: noise },
);
const inner = fc.array(fc.oneof({ weight: 3, arbitrary: setting }, block), { maxLength: 4 });
const lines = fc.array(
  fc.oneof({ weight: 9, arbitrary: line }, { weight: 1, arbitrary: fc.constant('Include FOLDER/*.conf') }),
  { maxLength: 12 },
);
const example = fc.record({
  host: fc.constantFrom(...hosts),
  lines,
  included: fc.array(inner, { maxLength: 2 }),
});

describe.skipIf(!hasSsh)('the same as ssh itself (needs a client of OpenSSH)', () => {
  test('for generated configurations', { timeout: 600_000 }, async () => {
    let [number, readable] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(example, { minLength: batch, maxLength: batch }), async (examples) => {
        await Promise.all(
          examples.map(async ({ host, lines, included }) => {
            const name = `${number++}`;
            included.forEach((text, index) =>
              writeFileSync(join(folder, `${name}-${index}.conf`), text.join('\n')),
            );
            const text = lines.join('\n').replaceAll('FOLDER/', `${folder}/${name}-`);
            const file = join(folder, name);
            writeFileSync(file, text);
            const theirs = await askSsh(file, host);
            const ours = await askOurs(file, host);
            expect(
              ours,
              text + included.map((inside) => `\n--- included\n${inside.join('\n')}`).join(''),
            ).toEqual(theirs);
            if (theirs !== 'refused') readable++;
          }),
        );
      }),
      { numRuns: runs },
    );
    // Otherwise the two agree on nothing but that nothing can be read.
    expect(readable).toBeGreaterThan((runs * batch) / 4);
  });
});

type Answer = Record<string, string> | 'refused';

const compared = [
  'hostname',
  'user',
  'port',
  'identitiesonly',
  'identityagent',
  'proxyjump',
  'serveraliveinterval',
].concat(
  ['serveralivecountmax', 'connecttimeout', 'userknownhostsfile', 'globalknownhostsfile', 'hostkeyalias'],
  ['stricthostkeychecking', 'addressfamily', 'passwordauthentication'],
);

async function askSsh(file: string, host: string): Promise<Answer> {
  const answer: Record<string, string> = {};
  try {
    const { stdout } = await promisify(execFile)('ssh', ['-G', '-F', file, host], {
      env: { AGENT: '/run/a' },
    });
    for (const line of stdout.split('\n')) {
      const [keyword = '', ...rest] = line.split(' ');
      if (compared.includes(keyword)) answer[keyword] = rest.join(' ');
      if (keyword === 'identityfile')
        answer[keyword] = [answer[keyword], rest.join(' ')].filter(Boolean).join('|');
    }
    return answer;
  } catch {
    return 'refused';
  }
}

async function askOurs(file: string, host: string): Promise<Answer> {
  const config = await loadSshConfig([{ path: file, own: true, required: true }], homedir());
  const matched = matchSshConfig(config, { host, localUser });
  return config.problems.length + matched.problems.length > 0 ? 'refused' : asSshSaysIt(matched);
}

/** Our values in the words of `ssh -G`, with its defaults. */
function asSshSaysIt({ first, host, identityFiles }: MatchedConfig): Answer {
  const isOn = (value: string | undefined, otherwise: string) =>
    value === undefined ? otherwise : /yes|true/.test(value) ? 'yes' : 'no';
  const strict = first.stricthostkeychecking?.value ?? 'ask';
  const number = (value: number | undefined, otherwise: string) =>
    value === undefined ? otherwise : String(value);
  const jump = first.proxyjump?.value;
  return {
    hostname: host.value,
    user: first.user?.value ?? localUser,
    port: String(first.port?.value ?? 22),
    identityfile:
      identityFiles.length > 0
        ? identityFiles.map(({ value }) => value).join('|')
        : defaults['identityfile']!,
    identitiesonly: isOn(first.identitiesonly?.value, 'no'),
    ...(first.identityagent && { identityagent: first.identityagent.value }),
    // ssh forgets a "none" before it prints.
    ...(jump && jump.length > 0 && { proxyjump: jumpText(jump) }),
    serveraliveinterval: String(first.serveraliveinterval?.value ?? 0),
    serveralivecountmax: String(first.serveralivecountmax?.value ?? 3),
    connecttimeout: number(first.connecttimeout?.value, 'none'),
    userknownhostsfile: first.userknownhostsfile?.value.join(' ') ?? defaults['userknownhostsfile']!,
    globalknownhostsfile: first.globalknownhostsfile?.value.join(' ') ?? defaults['globalknownhostsfile']!,
    ...(first.hostkeyalias && { hostkeyalias: first.hostkeyalias.value }),
    stricthostkeychecking: {
      yes: 'true',
      true: 'true',
      no: 'false',
      off: 'false',
      false: 'false',
      ask: 'ask',
      'accept-new': 'accept-new',
    }[strict],
    addressfamily: first.addressfamily?.value ?? 'any',
    passwordauthentication: isOn(first.passwordauthentication?.value, 'yes'),
  };
}

function jumpText(jump: readonly { host: string; user?: string; port?: number }[]): string {
  return jump
    .map(({ host, user, port }, index) => {
      const isNumeric = index === jump.length - 1 && /:|^[\d.]+$/.test(host);
      return `${user === undefined ? '' : `${user}@`}${isNumeric ? `[${host}]` : host}${port === undefined ? '' : `:${port}`}`;
    })
    .join(',');
}

const defaults: Record<string, string> = hasSsh ? sshDefaults() : {};

function sshDefaults(): Record<string, string> {
  const { stdout } = spawnSync('ssh', ['-G', '-F', 'none', 'x'], { encoding: 'utf8' });
  const answer: Record<string, string> = {};
  for (const line of stdout.split('\n')) {
    const [keyword = '', ...rest] = line.split(' ');
    answer[keyword] = [answer[keyword], rest.join(' ')]
      .filter(Boolean)
      .join(keyword === 'identityfile' ? '|' : ' ');
  }
  return answer;
}
