import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { ProvisionError } from '../core/errors.ts';
import {
  fqdn,
  integer,
  localFile,
  oneOf,
  path,
  port,
  record,
  secret,
  secretFile,
  text,
} from '../core/fields.ts';
import type { GroupMap } from '../core/play.ts';
import { Secret } from '../core/secret.ts';
import { formatLocation } from '../core/source.ts';
import type { OutsideWorld } from './outside-world.ts';
import { parseInventory } from './parse-inventory.ts';
import { resolveInventory, type Resolution } from './resolve-inventory.ts';
import { withAnswers } from './with-answers.ts';
import { writeAnswers } from './write-answers.ts';

const folder = mkdtempSync(join(tmpdir(), 'resolve-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'i.yaml');

const world: OutsideWorld = {
  environment: { TOKEN: 'hunter22', PATH: process.env['PATH'] },
  home: '/home/me',
  user: 'me',
  now: new Date(0),
  readOnly: true,
};

const certificate = oneOf(
  {
    own: { title: 'Own', fields: { chain: localFile(), key: secretFile() } },
    create: { title: 'Make one', fields: {} },
  },
  { message: 'Which certificate?' },
);

const groups = {
  rancher: {
    hostname: fqdn(),
    certificate,
    data_dir: path().default('/opt/rancher'),
    token: secret().optional(),
  },
  lb: { hostname: fqdn(), certificate, http_port: port().default(80) },
} satisfies GroupMap;

const resolve = (
  yaml: string,
  map: GroupMap = groups,
  changes: Partial<OutsideWorld> = {},
): Promise<Resolution> => resolveInventory(parseInventory(yaml, file), map, { ...world, ...changes });

async function problemsOf(yaml: string, map: GroupMap = groups): Promise<string[]> {
  const error: unknown = await resolve(yaml, map).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ProvisionError)) throw new Error('no problem was found', { cause: error });
  return error.problems.map(({ at, happened, remedy }) =>
    [at?.map(formatLocation).join(' < ').replaceAll(`${file}:`, ''), happened, remedy]
      .filter(Boolean)
      .join(' | ')
      .replaceAll(`${folder}/`, ''),
  );
}

const varsOf = ({ resolved }: Resolution, group: string, host: string) =>
  resolved.groups
    .get(group)
    ?.find(({ name }) => name === host)
    ?.vars.get(group);

const two = `
all: { vars: { hostname: Rancher.Example.com, certificate: { option: create } } }
rancher: { hosts: { r1: { host: 10.0.0.1 } } }
lb: { hosts: { l1: { host: 10.0.0.2, address: 192.168.0.2 } } }
`;

describe('resolveInventory', () => {
  it('yields typed values for each group, and where each host is', async () => {
    const resolution = await resolve(two);
    expect(varsOf(resolution, 'rancher', 'r1')).toEqual({
      hostname: 'rancher.example.com',
      certificate: { option: 'create' },
      data_dir: '/opt/rancher',
      token: undefined,
    });
    expect(resolution.resolved.groups.get('lb')?.map(({ name, address }) => [name, address])).toEqual([
      ['l1', '192.168.0.2'],
    ]);
    expect([...resolution.connections.values()]).toMatchObject([
      { name: 'r1', address: '10.0.0.1', port: 22, user: 'me', become: 'sudo' },
      { name: 'l1', address: '10.0.0.2', port: 22, user: 'me', become: 'sudo' },
    ]);
    expect([resolution.missing, resolution.warnings]).toEqual([[], []]);
  });

  it('F56: tells everything that is wrong at once, from the top of the file', async () => {
    expect(
      await problemsOf(`rancher:
  hosts:
    r1: { hots: 10.0.0.1, data_dir: opt }
    r2: { host: r1.example.com, port: "22", user: "-l" }
  vars:
    http_port: 81
    datadir: /x
lb:
  hosts:
    l1: { ansible_hots: 10.0.0.2 }
all:
  vars:
    hostname: 10.0.0.1
    certificate: { option: own, chain: no.pem, kye: no.pem }
`),
    ).toEqual([
      '3:11 | "hots" is no value of host r1 | did you mean "host"?',
      '3:27 | data_dir: must be an absolute path on the host such as /opt/rancher, but does not start with /',
      '4:33 | port: must be a port from 1 to 65535, found text | leave out the quotes',
      '4:45 | user: must be a login name such as deploy',
      '6:5 | "http_port" is no value of group rancher | it is one of group lb: put it there',
      '7:5 | "datadir" is no value of group rancher | did you mean "data_dir"?',
      '10:11 | the setting "ansible_hots" is not supported | did you mean "ansible_host"?',
      '13:5 | hostname: must be a full host name such as rancher.example.com, found an IP address',
      '14:5 | certificate.key: is missing | give the path of a file',
      '14:33 | certificate.chain: no.pem does not exist | check the path; relative ones start at the inventory',
      '14:48 | certificate.kye: is not known here | did you mean "key"?',
    ]);
  });

  it('F56: refuses one machine under two names', async () => {
    expect(
      await problemsOf(
        `${two}\nother: { hosts: { x: { host: 10.0.0.1 }, y: { host: 10.0.0.1, port: 2222 } } }`,
      ),
    ).toEqual([
      '6:19 | hosts r1 and x are the same machine: 10.0.0.1 port 22 | give both groups the host under one name',
    ]);
  });

  it('does not miss a required value that nobody can be asked for', async () => {
    const hosts = Array.from({ length: 5 }, (_, n) => `h${n}: `).join(', ');
    expect(await problemsOf(`web: { hosts: { ${hosts} } }`, { web: { count: integer() } })).toEqual([
      '1:1 | "count" is missing for h0, h1, h2 and 2 more hosts | give a whole number at web.vars.count',
    ]);
  });

  it('F56: warns of hosts that no play is for, and refuses what looks like a misspelt group', async () => {
    const { warnings } = await resolve(`${two}\nspare: { hosts: { s1: } }`);
    expect(warnings.map(({ text: told }) => told)).toEqual([
      'no play is for group "spare": its hosts are left alone (the playbook has rancher, lb)',
    ]);
    expect(await problemsOf(two.replace('lb:', 'lbs:'))).toEqual([
      '4:1 | the playbook has no group "lbs" | did you mean "lb"?',
    ]);
  });
});

describe('precedence', () => {
  const count = { web: { n: integer().default(0) } };

  it.each([
    ['all', 'all: { vars: { n: 1 } }\nweb: { hosts: { a: } }', 1],
    ['group over all', 'all: { vars: { n: 1 } }\nweb: { hosts: { a: }, vars: { n: 2 } }', 2],
    [
      'deeper group over group',
      'web: { vars: { n: 2 }, children: { eu: { hosts: { a: }, vars: { n: 3 } } } }',
      3,
    ],
    [
      'group over the one above it',
      'site: { vars: { n: 1 }, children: { web: { hosts: { a: }, vars: { n: 2 } } } }',
      2,
    ],
    [
      'host over every group',
      'web: { vars: { n: 2 }, children: { eu: { hosts: { a: { n: 4 } }, vars: { n: 3 } } } }',
      4,
    ],
    ['vars of the host', 'web: { vars: { n: 2 }, hosts: { a: { vars: { n: 5 } } } }', 5],
    ['a group that only orders', 'web: { hosts: { a: } }\neu: { hosts: { a: }, vars: { n: 6 } }', 6],
    ['nothing', 'web: { hosts: { a: } }', 0],
  ])('%s', async (_, yaml, n) => {
    expect(varsOf(await resolve(yaml, count), 'web', 'a')).toEqual({ n });
  });

  it('F56: refuses to choose between two groups of the same depth', async () => {
    const tie = (n: number) =>
      `web: { hosts: { a: }, vars: { n: 1 } }\neu: { hosts: { a: }, vars: { n: ${n} } }`;
    expect(await problemsOf(tie(2), count)).toEqual([
      '2:30 | "n" has another value in group web (i.yaml:1:31), and a is in both groups | give it on the host, in one group only, or make one group a child of the other',
    ]);
    expect(varsOf(await resolve(tie(1), count), 'web', 'a')).toEqual({ n: 1 });
  });

  it('keeps the values of two plays apart on a host that is in both', async () => {
    const both = { a: { port: port() }, b: { port: port() } };
    const resolution = await resolve(
      'a: { hosts: { x: }, vars: { port: 1 } }\nb: { hosts: { x: }, vars: { port: 2 } }',
      both,
    );
    expect([varsOf(resolution, 'a', 'x'), varsOf(resolution, 'b', 'x')]).toEqual([{ port: 1 }, { port: 2 }]);
    expect(resolution.connections.get('x')?.port).toBe(22);
  });

  it('is the same wherever the groups stand in the file', async () => {
    const blocks = [
      'all: { vars: { n: 1 } }',
      'top: { vars: { n: 2 }, children: { web: } }',
      'web: { vars: { n: 3 }, children: { eu: } }',
      'eu: { vars: { n: 4 }, hosts: { a: , b: { n: 5 } } }',
    ];
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(blocks, { minLength: 4 }), async (shuffled) => {
        const resolution = await resolve(shuffled.join('\n'), count);
        expect([varsOf(resolution, 'web', 'a'), varsOf(resolution, 'web', 'b')]).toEqual([
          { n: 4 },
          { n: 5 },
        ]);
      }),
    );
  });
});

describe('what hosts share', () => {
  it('is parsed once, also by two groups with the same field', async () => {
    let made = 0;
    const shared = oneOf({ create: { title: 'x', fields: {}, make: async () => ({ number: (made += 1) }) } });
    const map = { a: { c: shared }, b: { c: shared } };
    const names = Array.from({ length: 50 }, (_, n) => `h${n}: `).join(', ');
    const resolution = await resolve(
      `all: { vars: { c: { option: create } } }\na: { hosts: { ${names} } }\nb: { children: { a: } }`,
      map,
    );
    expect(made).toBe(1);
    expect(varsOf(resolution, 'b', 'h49')).toEqual({ c: { number: 1 } });
  });

  it('is parsed again where a check looked at something that differs', async () => {
    const seen: unknown[] = [];
    const field = text().check((_, { vars }) => {
      seen.push(vars['hostname']);
      return [];
    });
    const map = { web: { c: field, hostname: fqdn() } };
    await resolve(
      'web: { vars: { c: x }, hosts: { a: { hostname: a.b }, b: { hostname: a.b }, c: { hostname: c.d } } }',
      map,
    );
    expect(seen).toEqual(['a.b', 'a.b', 'c.d']);
    seen.length = 0;
    await resolve('web: { vars: { c: x, hostname: a.b }, hosts: { a: , b: , c: } }', map);
    expect(seen).toEqual(['a.b']);
  });

  it('has its problem told once', async () => {
    const names = Array.from({ length: 50 }, (_, n) => `h${n}: `).join(', ');
    expect(
      await problemsOf(`web: { vars: { n: x }, hosts: { ${names} } }`, { web: { n: integer() } }),
    ).toHaveLength(1);
  });
});

describe('missing values', () => {
  it('are asked once, at all.vars when several groups have them', async () => {
    const { missing } = await resolve(
      'all: { vars: { hostname: a.b } }\nrancher: { hosts: { r1: } }\nlb: { hosts: { l1: , l2: } }',
    );
    expect(
      missing.map(({ name, at, hosts, question }) => [name, at.join('.'), hosts, question.message]),
    ).toEqual([['certificate', 'all.vars.certificate', ['r1', 'l1', 'l2'], 'Which certificate?']]);
  });

  it("are asked at their group's own place when only one has them", async () => {
    const map = { web: { name: text().ask('Name?') }, db: {} };
    const { missing } = await resolve('site: { children: { web: { hosts: { a: } } } }', map);
    expect(missing.map(({ at }) => at)).toEqual([['site', 'children', 'web', 'vars', 'name']]);
  });

  it('are those without a value behind their name, too', async () => {
    const { missing } = await resolve(two.replace('{ option: create }', ''));
    expect(missing.map(({ name }) => name)).toEqual(['certificate']);
  });

  it('are found when answered, whether kept in memory or written into the file', async () => {
    const yaml = two.replace(', certificate: { option: create }', '');
    const inventory = parseInventory(yaml, file);
    const answers = [{ at: ['all', 'vars', 'certificate'], value: { option: 'create' } }];
    const kept = await resolveInventory(withAnswers(inventory, answers), groups, world);
    const written = await resolve(writeAnswers(yaml, answers));
    expect(varsOf(kept, 'lb', 'l1')).toEqual(varsOf(written, 'lb', 'l1'));
    expect([kept.missing, written.missing]).toEqual([[], []]);
  });

  it('may be secrets, which stay in memory', async () => {
    const map = { web: { token: secret().ask('Token?') } };
    const inventory = parseInventory('web: { hosts: { a: } }', file);
    const answered = withAnswers(inventory, [
      { at: ['web', 'vars', 'token'], value: new Secret('hunter22', 'token') },
    ]);
    const token = varsOf(await resolveInventory(answered, map, world), 'web', 'a')?.['token'];
    expect(token instanceof Secret && token.reveal()).toBe('hunter22');
  });
});

describe('connection settings', () => {
  const only = (settings: string) =>
    resolve(`web: { hosts: { a: { ${settings} } } }`, { web: {} }).then(({ connections }) =>
      connections.get('a'),
    );

  it('are the same in plain words and in those of Ansible', async () => {
    writeFileSync(join(folder, 'password'), 'hunter22\n', { mode: 0o600 });
    const plain = await only(
      'host: 10.0.0.1, user: root, port: 2222, key: ~/.ssh/id, password: { env: TOKEN }, become: true, become_password: { file: password }',
    );
    const ansible = await only(
      'ansible_host: 10.0.0.1, ansible_user: root, ansible_port: 2222, ansible_ssh_private_key_file: ~/.ssh/id, ansible_password: { env: TOKEN }, ansible_become: yes, ansible_become_password: { file: password }, ansible_connection: ssh, ansible_become_method: sudo, ansible_python_interpreter: /usr/bin/python3',
    );
    expect(plain).toMatchObject({
      address: '10.0.0.1',
      user: 'root',
      port: 2222,
      keyFile: '/home/me/.ssh/id',
      become: 'sudo',
    });
    expect(JSON.stringify(ansible)).toBe(JSON.stringify(plain));
    expect([plain?.password?.reveal(), plain?.becomePassword?.reveal()]).toEqual(['hunter22', 'hunter22']);
  });

  it('name the certificate of a key', async () => {
    expect(await only('key: ~/.ssh/id, key_certificate: ~/.ssh/signed.pub')).toMatchObject({
      keyFile: '/home/me/.ssh/id',
      certificateFile: '/home/me/.ssh/signed.pub',
    });
  });

  it('name the authorities for keys of hosts, one or several', async () => {
    const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB5vdh3vyYVPVRV8o7a3cVYn0hJ8jRgKZ0cGYJ0mJ5n7';
    for (const written of [`"${key} ca@example.com"`, `[ ${key} ]`])
      expect(await only(`host_ca: ${written}`)).toMatchObject({ hostCertificateAuthorities: [key] });
  });

  it('come from groups, the deepest first', async () => {
    const { connections } = await resolve(
      'all: { vars: { user: a, port: 1 } }\nweb: { vars: { ansible_user: b }, hosts: { x: } }'.replace(
        'user: a, ',
        '',
      ),
      { web: {} },
    );
    expect(connections.get('x')).toMatchObject({ user: 'b', port: 1, address: 'x' });
  });

  it('leave a word under vars to the var of that name', async () => {
    const map = { web: { key: text() } };
    const { connections, ...resolution } = await resolve(
      'web: { vars: { key: value }, hosts: { x: { key: /id } } }',
      map,
    );
    expect(connections.get('x')?.keyFile).toBe('/id');
    expect(varsOf({ connections, ...resolution }, 'web', 'x')).toEqual({ key: 'value' });
  });

  it.each([
    ['host: -oProxyCommand=id', 'host'],
    ['host: "$(touch /pwn)"', 'host'],
    ['host: "a;b"', 'host'],
    ['host: "a\\nb"', 'host'],
    ['host: 1.10', 'host'],
    ['user: -l', 'user'],
    ['user: "a b"', 'user'],
    ['user: "`id`"', 'user'],
    ['user: "a;b"', 'user'],
    ['user: "root\\n"', 'user'],
    ['user: 1000', 'user'],
    ['port: 0', 'port'],
    ['port: 65536', 'port'],
    ['port: 22.5', 'port'],
    ['fingerprint: SHA256:short', 'fingerprint'],
    ['fingerprint: "MD5:00:11"', 'fingerprint'],
    ['host_ca: ssh-ed25519', 'host_ca'],
    ['host_ca: ca.pub', 'host_ca'],
    ['host_ca: []', 'host_ca'],
    [
      'host_ca: ["ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIB5vdh3vyYVPVRV8o7a3cVYn0hJ8jRgKZ0cGYJ0mJ5n7"]',
      'host_ca\\[0\\]',
    ],
    ['key: ~other/.ssh/id', 'key'],
    ['key: "a\\0b"', 'key'],
    ['password: hunter22', 'password'],
    ['become: maybe', 'become'],
    ['ansible_become: constructor', 'become'],
    ['ansible_become_user: postgres', 'ansible_become_user'],
    ['become_method: sesu', 'become_method'],
    ['ansible_become_method: runas', 'become_method'],
    ['ansible_connection: local', 'ansible_connection'],
  ])('refuse %s', async (settings, name) => {
    const problems = await problemsOf(`web: { hosts: { a: { ${settings} } } }`, { web: {} });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^1:\\d+ \\| ${name}: `));
    expect(problems[0]).not.toContain('hunter22');
  });

  it.each([
    ['user: deploy', 'sudo'],
    ['user: deploy, become_method: su', 'su'],
    ['user: deploy, ansible_become_method: doas', 'doas'],
    ['user: deploy, become: false, become_method: doas', 'none'],
    ['user: root, become_method: su', 'none'],
  ])('%s becomes root by %s', async (text, become) => {
    expect(await only(text)).toMatchObject({ become });
  });

  it.each([
    'ansible_become_exe: /opt/sudo',
    'ansible_become_flags: -H',
    'ansible_sudo_exe: x',
    'ansible_su_flags: x',
  ])('refuse %s, which would change how root is become', async (text) => {
    const [problem] = await problemsOf(`web: { hosts: { a: { ${text} } } }`, { web: {} });
    expect(problem).toContain(`the setting "${text.split(':')[0]}" is not supported`);
  });

  it.each([
    ...['host', 'address', 'user', 'port', 'key', 'fingerprint', 'become', 'become_method'],
    ...['ansible_connection', 'ansible_become_user'],
  ])('S30: what a shell would act upon is refused or stays as it is: %s', async (name) => {
    const values = ['$(touch /pwn)', '`touch /pwn`', '; touch /pwn', 'a\ntouch /pwn', "' ; touch /pwn ; '"];
    values.push(
      'ends in \\',
      '-x',
      '-oProxyCommand=touch /pwn',
      '*',
      '~root',
      '!!',
      '$HOME',
      'a b',
      'a|b',
      'a&b',
    );
    for (const value of values) {
      const file = `web: { hosts: { a: { ${name}: ${JSON.stringify(value)} } } }`;
      const resolved = await resolve(file, { web: {} }).catch(() => undefined);
      if (!resolved) continue;
      // A path of this machine is opened and never run, so it may hold anything.
      expect(name, `${value} was taken`).toBe('key');
      expect(resolved.connections.get('a')?.keyFile?.endsWith(value), value).toBe(true);
    }
  });

  it('refuse what would change the way to a host when ignored, and one setting under two names', async () => {
    expect(
      await problemsOf(
        `web: { hosts: { a: { ansible_ssh_common_args: -o ProxyCommand=nc, host: x, ansible_host: y } } }`,
        { web: {} },
      ),
    ).toEqual([
      '1:22 | ansible_ssh_common_args: holds -oProxyCommand=nc, which provision does not do | use the settings of the inventory, or the configuration of ssh',
      '1:76 | the same setting stands under another name at i.yaml:1:67 | keep one of them',
    ]);
  });
});

describe('the way to a host', () => {
  const wayOf = async (settings: string) => {
    const { connections } = await resolve(`web: { hosts: { a: { ${settings} } } }`, { web: {} });
    return connections.get('a')?.jump;
  };

  it.each([
    ['jump: bastion', [{ host: 'bastion' }]],
    ["jump: 'ops@first:2222,second'", [{ host: 'first', user: 'ops', port: 2222 }, { host: 'second' }]],
    [
      'jump: [first, "ops@[2001:db8::1]:22"]',
      [{ host: 'first' }, { host: '2001:db8::1', user: 'ops', port: 22 }],
    ],
    ['jump: none', []],
    ["ansible_ssh_common_args: '-o ProxyJump=ops@bastion'", [{ host: 'bastion', user: 'ops' }]],
    [
      "ansible_ssh_extra_args: '-C -J first,second -o ControlMaster=auto'",
      [{ host: 'first' }, { host: 'second' }],
    ],
    ["ansible_ssh_common_args: '-o ControlPersist=60s'", undefined],
  ])('%s', async (settings, expected) => {
    expect(await wayOf(settings)).toEqual(expected);
  });

  it.each([
    ['jump: -oProxyCommand=id'],
    ['jump: "a;id"'],
    ['jump: "$(id)@bastion"'],
    ['jump: [a, 5]'],
    ['jump: "bastion:0"'],
    ['ansible_ssh_common_args: -J -oProxyCommand=id'],
    ['ansible_ssh_common_args: "-o ProxyCommand=\'ssh -W %h:%p gate\'"'],
    ['ansible_ssh_extra_args: -o StrictHostKeyChecking=no'],
    ['ansible_ssh_extra_args: -o UserKnownHostsFile=/dev/null'],
    ['ansible_ssh_extra_args: -i other_key'],
  ])('S29: %s is refused', async (settings) => {
    expect(await problemsOf(`web: { hosts: { a: { ${settings} } } }`, { web: {} })).toHaveLength(1);
  });

  it('tells machines apart that have the same private address', async () => {
    const hosts = 'a: { host: 10.0.0.1, jump: east }, b: { host: 10.0.0.1, jump: west }';
    const { connections } = await resolve(`web: { hosts: { ${hosts} } }`, { web: {} });
    expect(connections.size).toBe(2);
  });
});

describe('secrets', () => {
  const token = async (source: string, changes: Partial<OutsideWorld> = {}) => {
    const resolution = await resolve(
      `web: { hosts: { a: { token: ${source} } } }`,
      { web: { token: secret() } },
      changes,
    );
    const value = varsOf(resolution, 'web', 'a')?.['token'];
    return value instanceof Secret ? value.reveal() : value;
  };

  it('come from the environment, a file or a command', async () => {
    writeFileSync(join(folder, 'token'), 'from file\r\n', { mode: 0o600 });
    expect(await token('{ env: TOKEN }')).toBe('hunter22');
    expect(await token('{ file: token }')).toBe('from file');
    expect(await token(`{ command: [printf, '%s', '$(id) "x"'] }`)).toBe('$(id) "x"');
    expect(await token('{ command: [cat, token] }')).toBe('from file');
  });

  it.each([
    ['hunter22', 'is a secret that stands in the inventory itself'],
    ['12345678', 'must say where the secret is, found a whole number'],
    ['[a]', 'must say where the secret is, found a list'],
    ['{}', 'must have one key: env, file, command, prompt or age'],
    ['{ env: TOKEN, file: token }', 'must have one key: env, file, command, prompt or age'],
    ['{ vault: x }', 'must have one key: env, file, command, prompt or age'],
    ['{ env: NOT_SET }', 'environment variable NOT_SET is not set'],
    ['{ env: "toString" }', 'environment variable toString is not set'],
    ['{ env: "A B" }', 'env: must be the name of an environment variable'],
    ['{ file: nowhere }', 'nowhere does not exist'],
    ['{ file: . }', 'is not a regular file'],
    ['{ file: /dev/zero }', '/dev/zero is not a regular file'],
    ['{ command: "echo x" }', 'command: must be a list: the program, then each argument by itself'],
    ['{ command: [] }', 'command: must be a list: the program, then each argument by itself'],
    ['{ command: [no-such-program] }', 'command no-such-program cannot be started (ENOENT)'],
    ['{ command: ["false"] }', 'command false ended with 1; its messages are hidden, run it by hand'],
    ['{ command: ["true"] }', 'is empty: command gave nothing'],
    ['{ command: [cat, /dev/zero] }', 'command cat wrote more than 64 kB'],
    ['{ prompt: "" }', 'prompt: must be what a person is asked, on one line'],
    ['{ prompt: [a] }', 'prompt: must be what a person is asked, on one line'],
    ['{ prompt: a, name: b }', 'must have one key: env, file, command, prompt or age'],
    ['{ age: 7 }', 'age: must be the path of an encrypted file'],
    ['{ age: nowhere.age, name: [b] }', 'name: must be the name of a secret in the encrypted file'],
    ['{ age: nowhere.age }', 'nowhere.age does not exist'],
  ])('are refused as %s', async (source, told) => {
    const problems = await problemsOf(`web: { hosts: { a: { token: ${source} } } }`, {
      web: { token: secret() },
    });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`token: ${told === 'is not a regular file' ? `${folder} ${told}` : told}`);
    expect(problems[0]).not.toContain('hunter22');
  });

  it.each([0o644, 0o640, 0o666, 0o777])(
    'are refused from a file of mode %o, as a matter of trust',
    async (mode) => {
      const open = join(folder, `open-${mode}`);
      writeFileSync(open, 'hunter22', { mode });
      rmSync(open);
      const umask = process.umask(0);
      writeFileSync(open, 'hunter22', { mode });
      process.umask(umask);
      const error: unknown = await token(`{ file: ${open} }`).catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        problems: [{ code: 'SECRET_SOURCE', remedy: `chmod 600 ${open}`, at: [{ line: 1, column: 22 }] }],
      });
    },
  );

  it('are asked for at a terminal, and are an open question without one', async () => {
    const asked: string[] = [];
    const askSecret = async (text: string) => (asked.push(text), 'typed by hand');
    expect(await token('{ prompt: "Token of the API:" }', { askSecret })).toBe('typed by hand');
    expect(asked).toEqual(['Token of the API:']);
    const error: unknown = await token('{ prompt: "Token:" }').catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'NEED_INPUT', problems: [{ at: [{ line: 1, column: 22 }] }] });
  });

  it('S06: are not handed on to the programs that give other secrets', async () => {
    const commandEnvironment = { PATH: process.env['PATH'] };
    const environment = { ...commandEnvironment, TOKEN: 'hunter22' };
    const given = await token(`{ command: [sh, -c, 'echo "found: \${TOKEN-}"'] }`, {
      environment,
      commandEnvironment,
    });
    expect(given).toBe('found: ');
  });

  it('are not looked for where nobody logs in', async () => {
    expect(await token('{ env: NOT_SET }', { readsSecrets: false })).toBe('');
  });

  it('are named by their place, and never shown', async () => {
    const resolution = await resolve(
      'web: { hosts: { a: { registry: { url: r.example.com, password: { env: TOKEN } } } } }',
      {
        web: { registry: record({ url: fqdn(), password: secret() }) },
      },
    );
    expect(JSON.stringify([...resolution.resolved.groups.get('web')![0]!.vars])).toContain(
      '"password":"‹secret:registry.password›"',
    );
  });
});

describe('1000 hosts', () => {
  it('are resolved soon', async () => {
    mkdirSync(join(folder, 'tls'));
    writeFileSync(join(folder, 'tls/a.pem'), 'pem', { mode: 0o600 });
    const hosts = Array.from(
      { length: 1000 },
      (_, n) => `    h${n}: { host: 10.0.${n >> 8}.${n & 255}, http_port: ${n + 1} }`,
    ).join('\n');
    const yaml = `all: { vars: { hostname: a.b, certificate: { option: own, chain: tls/a.pem, key: tls/a.pem } } }\nlb:\n  hosts:\n${hosts}`;
    const { resolved } = await resolve(yaml);
    expect(resolved.groups.get('lb')).toHaveLength(1000);
  }, 30_000);
});
