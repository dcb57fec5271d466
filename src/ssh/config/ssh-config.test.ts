import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatProblem } from '../../core/errors.ts';
import { findFiles } from './find-files.ts';
import { loadSshConfig, usualConfigFiles } from './load-ssh-config.ts';
import type { ConfigQuery } from './match-ssh-config.ts';
import { resolveSshConfig } from './resolve-ssh-config.ts';

let home: string;
beforeEach(() => void (home = mkdtempSync(join(tmpdir(), 'ssh-config-'))));
afterEach(() => rmSync(home, { recursive: true, force: true }));

function write(path: string, text: string, mode = 0o600): string {
  const whole = join(home, path);
  mkdirSync(dirname(whole), { recursive: true, mode: 0o700 });
  writeFileSync(whole, text, { mode });
  return whole;
}

async function ask(text: string, query: Partial<ConfigQuery> = {}) {
  write('.ssh/config', text);
  const [own] = usualConfigFiles(home);
  const loaded = await loadSshConfig([own!], home);
  const { config, problems, warnings } = resolveSshConfig(
    loaded,
    { host: 'web-1', localUser: 'me', ...query },
    {
      home,
      folder: home,
      environment: { AGENT: '/run/a' },
      localUser: 'me',
      localHost: 'desk.example.com',
      userId: 7,
    },
  );
  const said = [...loaded.problems, ...problems].map((problem) =>
    formatProblem(problem).replaceAll(home, '~'),
  );
  return { config, said, warned: warnings.map(({ at, text }) => `${at.line}: ${text}`) };
}

test('what a file says is made whole: tokens, paths, hops', async () => {
  const { config, said } = await ask(`
Host web-*
  HostName %h.example.com
  User deploy
  IdentityFile ~/.ssh/%u-%L-%r@%h:%p
  IdentityFile "keys/of us"
  IdentityAgent $AGENT
  ProxyJump ops@bastion:2222,10.0.0.1
Host *
  Port 2200
  User nobody
  IdentityFile /etc/%i%%
  ServerAliveInterval 1m
  UserKnownHostsFile ~/.ssh/known_\${AGENT} /b
  StrictHostKeyChecking accept-new
  PasswordAuthentication no
`);
  expect(said).toEqual([]);
  expect(config).toMatchObject({
    host: 'web-1.example.com',
    port: 2200,
    user: 'deploy',
    identityFiles: [
      join(home, '.ssh/me-desk-deploy@web-1.example.com:2200'),
      join(home, 'keys/of us'),
      '/etc/7%',
    ],
    agent: '/run/a',
    jump: [{ host: 'bastion', user: 'ops', port: 2222 }, { host: '10.0.0.1' }],
    keepaliveInterval: 60,
    userKnownHosts: [join(home, '.ssh/known_/run/a'), '/b'],
    acceptNew: true,
    without: ['password'],
  });
});

test('what is settled before counts for Match, and wins', async () => {
  const text =
    'Match user root\n  Port 1022\nMatch user deploy\n  Port 2022\n  User other\n  ProxyJump bastion\n';
  const { config } = await ask(text, { user: 'deploy', hasJump: true });
  expect(config).toMatchObject({ port: 2022 });
  expect(config).not.toHaveProperty('user');
  expect(config).not.toHaveProperty('jump');
});

describe('what is not supported is refused with its line, for the hosts that it is about', () => {
  test.each([
    ['ProxyCommand nc %h %p', 'proxycommand for web-1 is not supported'],
    ['CanonicalizeHostname yes', 'it could be another host'],
    ['KnownHostsCommand /bin/true', 'no program is run'],
    ['RevokedHostKeys /etc/ssh/revoked', 'a revoked key would be trusted'],
    ['BindAddress 10.0.0.1', 'bindaddress for web-1'],
    ['StrictHostKeyChecking no', 'a host that is not known would be trusted with root'],
    ['StrictHostKeyChecking off', 'a host that is not known would be trusted with root'],
    ['Match exec "touch pwned"', 'depends on "exec", which is not looked at'],
    ['Match host web-1 exec "true" user *', 'depends on "exec"'],
    ['Match tagged x', 'depends on "tagged"'],
  ])('S29: %s', async (line, expected) => {
    const { said } = await ask(`# first\n${line}\n  Port 22\n`);
    expect(said).toEqual([expect.stringContaining(expected)]);
    expect(said[0]).toMatch(/^SSH_CONFIG — ~\/\.ssh\/config:2:/);
    expect((await ask(`Host db\n  ${line.startsWith('Match') ? 'Port 1' : line}\n`)).said).toEqual([]);
  });

  test.each([
    ['ProxyCommand none'],
    ['CanonicalizeHostname no'],
    ['Match host db exec "false"'],
    ['Match exec "false" user root,!me'],
    ['ProxyJump bastion\nProxyCommand nc %h %p'],
    ['ProxyCommand none\nProxyCommand nc %h %p'],
    ['ForwardAgent yes\nCompression yes\nControlMaster auto\nControlPath ~/.ssh/%C\nSendEnv LANG'],
  ])('but not %s, which changes nothing', async (text) => {
    const { said, warned } = await ask(text);
    expect([...said, ...warned]).toEqual([]);
  });

  test('a program that decides is never run', async () => {
    const mark = join(home, 'ran');
    await ask(`Match exec "touch ${mark}"\n  Port 1\n`);
    expect(await findFiles(mark)).toEqual([]);
  });
});

test('what is left out and would matter to some is told, once a line', async () => {
  const { said, warned } = await ask(
    'Ciphers aes256-ctr\nCiphers aes128-ctr\nPreferredAuthentications password\n',
  );
  expect(said).toEqual([]);
  expect(warned).toEqual([
    expect.stringContaining('1: ciphers is left out'),
    expect.stringContaining('3: preferredauthentications is left out'),
  ]);
});

describe('every problem of all files is told at once, with its place', () => {
  test.each([
    ['Prot 22', '~/.ssh/config:2:3 — "prot" is no keyword of ssh_config; did you mean "port"?'],
    ['Port 0', 'port must be a number from 1 to 65535'],
    ['Port', 'Port has no value'],
    ['User "a', 'a quote is not closed'],
    ['User a b', 'user has more than one value'],
    ['IdentityFile ~other/key', '~ stands for your own home only'],
    ['IdentityFile /keys/%C', '%C is not known here'],
    ['IdentityFile ${NOT_SET}/key', 'the environment variable NOT_SET is not set'],
    ['HostName -oProxyCommand=id', 'is neither an IP address nor a host name'],
    ['HostName a.com;id', 'is neither an IP address nor a host name'],
    ['HostName $(id)', 'is neither an IP address nor a host name'],
    ['HostName 0x7f.1', 'is neither an IP address nor a host name'],
    ['User -lroot', 'is no login name'],
    ['User $(id)', 'is no login name'],
    ['HostKeyAlias "a b"', 'cannot name a host key'],
    ['ProxyJump -oProxyCommand=id', 'must name hosts as user@host:port'],
    ['ProxyJump a;id', 'must name hosts as user@host:port'],
    ['ProxyJump $(id)@bastion', 'must name hosts as user@host:port'],
    ['ProxyJump bastion:70000', 'must name hosts as user@host:port'],
    ['Include ~other/x', 'cannot be included'],
    ['Match nobody x', '"nobody" is no criterion of Match'],
    ['Match user', '"user" has no value'],
    ['Match host a user b all', '"all" cannot be combined'],
  ])('S29, S39: %s', async (line, expected) => {
    const { said } = await ask(`Bogus yes\n  ${line}\n`);
    expect(said).toHaveLength(2);
    expect(said.join('\n')).toContain(expected);
    expect(said.join('\n')).toContain('"bogus" is no keyword');
  });

  test('an unknown keyword that the file itself excuses is none', async () => {
    expect((await ask('IgnoreUnknown Fancy*,x\nFancyThing yes\nX 1\n')).said).toEqual([]);
  });
});

describe('included files', () => {
  test('are found by patterns, in order, where the user or the system keeps them', async () => {
    write('.ssh/conf.d/20.conf', 'Port 20\nUser late\n');
    write('.ssh/conf.d/10.conf', 'Port 10\n');
    write('.ssh/conf.d/.hidden.conf', 'User hidden\n');
    write('else/30', 'HostKeyAlias far\n');
    const { config, said } = await ask(`Include conf.d/*.conf absent "${home}/else/[1-3]0"\nPort 1\n`);
    expect(said).toEqual([]);
    expect(config).toMatchObject({ port: 10, user: 'late', hostKeyAlias: 'far' });
  });

  test('count only inside the block that includes them, and their blocks end with them', async () => {
    write('.ssh/db', 'Host *\n  User wrong\n');
    write('.ssh/web', 'Host nothing\n  User wrong\n');
    const { config } = await ask('Host db\n  Include db\nHost web-1\n  Include web\n  Port 2222\n');
    expect(config).toMatchObject({ port: 2222 });
    expect(config).not.toHaveProperty('user');
  });

  test('that go round in a circle are refused', async () => {
    write('.ssh/a', 'Include b\n');
    write('.ssh/b', 'Include a\n');
    expect((await ask('Include a\n')).said).toEqual([
      expect.stringContaining('the files include each other: '),
    ]);
  });

  test.each([
    ['config', 'Port 1\n'],
    ['part', 'Include part\n'],
  ])('%s that others may write to is refused', async (name, text) => {
    const path = write(`.ssh/${name}`, text);
    chmodSync(path, 0o666);
    if (name === 'config') {
      const loaded = await loadSshConfig(usualConfigFiles(home).slice(0, 1), home);
      expect(loaded.problems.map(({ happened }) => happened)).toEqual([
        expect.stringContaining('others may write'),
      ]);
    } else expect((await ask(text)).said).toEqual([expect.stringContaining('others may write')]);
  });
});

test('a file that was asked for by name must be there', async () => {
  const { problems } = await loadSshConfig([{ path: join(home, 'no'), own: true, required: true }], home);
  expect(problems.map(({ happened }) => happened)).toEqual([expect.stringContaining('does not exist')]);
});

test.each([
  ['*', ['a', 'b1', 'c]']],
  ['?', ['a']],
  ['[!a]*', ['b1', 'c]']],
  ['b[0-9]', ['b1']],
  ['c[]]', ['c]']],
  ['.*', ['.dot']],
  ['b\\1', ['b1']],
])('%s finds what glob(7) says', async (pattern, expected) => {
  for (const name of ['a', 'b1', 'c]', '.dot']) write(name, '');
  expect(await findFiles(join(home, pattern))).toEqual(expected.map((name) => join(home, name)));
});
