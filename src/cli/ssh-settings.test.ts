import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { formatProblem, problemsOf } from '../core/errors.ts';
import type { ConnectionSettings } from '../inventory/connection-settings.ts';
import type { SshTarget } from '../ssh/target.ts';
import { SshSettings } from './ssh-settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'ssh-settings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A host of which the inventory says only this; defaults stand for the rest. */
function host(name: string, said: Partial<ConnectionSettings> = {}): ConnectionSettings {
  const unsaid = (['user', 'port', 'become'] as const).filter((key) => said[key] === undefined);
  return {
    name,
    address: name,
    port: 22,
    user: 'me',
    become: 'sudo',
    becomeMethod: 'sudo',
    ...said,
    unsaid: new Set(unsaid),
  };
}

async function resolve(config: string | undefined, hosts: readonly ConnectionSettings[], wanted = hosts) {
  const file = join(folder, 'config');
  if (config !== undefined) writeFileSync(file, config, { mode: 0o600 });
  const ssh = await SshSettings.load(config === undefined ? 'none' : file);
  return ssh.resolve(wanted, new Map(hosts.map((settings) => [settings.name, settings]))).targets;
}

async function problems(config: string, hosts: readonly ConnectionSettings[]): Promise<string[]> {
  try {
    await resolve(config, hosts);
    return [];
  } catch (error) {
    return problemsOf(error).map((problem) => formatProblem(problem).replaceAll(folder, '~'));
  }
}

/** `user@address:port`, hop by hop, the host itself first. */
function wayOf({ user, address, port, jump }: SshTarget): string {
  return `${user}@${address}:${port}${jump ? ` < ${wayOf(jump)}` : ''}`;
}

describe('the inventory wins over the configuration of ssh, and that over the defaults', () => {
  const config =
    'Host web\n  HostName 10.0.0.1\n  User deploy\n  Port 2200\n  IdentityFile /keys/config\n  ProxyJump gate\n';

  test.each<[string, string | undefined, Partial<ConnectionSettings>, string]>([
    ['nothing is said', undefined, {}, 'me@web:22'],
    ['the configuration says all', config, {}, 'deploy@10.0.0.1:2200 < me@gate:22'],
    ['the inventory says the user', config, { user: 'ops' }, 'ops@10.0.0.1:2200 < me@gate:22'],
    ['the inventory says the port of the default', config, { port: 22 }, 'deploy@10.0.0.1:22 < me@gate:22'],
    [
      'the inventory says another way',
      config,
      { jump: [{ host: 'own', port: 23 }] },
      'deploy@10.0.0.1:2200 < me@own:23',
    ],
    ['the inventory says that there is no way', config, { jump: [] }, 'deploy@10.0.0.1:2200'],
  ])('%s', async (_name, text, said, want) => {
    const target = (await resolve(text, [host('web', said)])).get('web')!;
    expect(wayOf(target)).toBe(want.replace(' < me@', ` < ${userInfo().username}@`));
  });

  test('keys: that of the inventory alone, else those of the configuration, else the usual ones', async () => {
    const keys = async (text: string | undefined, said: Partial<ConnectionSettings>) => {
      const { keyFile, identities } = (await resolve(text, [host('web', said)])).get('web')!;
      return [
        keyFile,
        ...(identities ?? []).map((identity) => identity.keyFile.replace(/.*\/\.ssh\//, '~/')),
      ];
    };
    expect(await keys(config, { keyFile: '/keys/own' })).toEqual(['/keys/own']);
    expect(await keys(config, {})).toEqual([undefined, '/keys/config']);
    expect(await keys(undefined, {})).toEqual([undefined, '~/id_ed25519', '~/id_ecdsa', '~/id_rsa']);
  });

  test('a login as root that only the configuration knows of needs no sudo, unless the inventory says so', async () => {
    const root = 'Host web\n  User root\n';
    expect((await resolve(root, [host('web')])).get('web')!.become).toBe('none');
    expect((await resolve(root, [host('web', { become: 'sudo' })])).get('web')!.become).toBe('sudo');
  });
});

describe('ways', () => {
  const gate = host('gate', { address: '192.0.2.1', user: 'ops', port: 2222, keyFile: '/keys/gate' });
  const web = host('web', { jump: [{ host: 'gate' }] });

  test('a hop that is in the inventory is reached as it says there, by whatever name it was called', async () => {
    for (const [config, first] of [
      ['', web],
      ['Host web\n  ProxyJump gate\n', host('web')],
    ] as const) {
      const target = (await resolve(config, [first, gate], [first])).get('web')!;
      expect(wayOf(target)).toBe('me@web:22 < ops@192.0.2.1:2222');
      expect(target.jump).toMatchObject({ name: 'gate', keyFile: '/keys/gate' });
    }
  });

  test('what is said of a hop where it is named wins over what the inventory says of it', async () => {
    const first = host('web', { jump: [{ host: 'gate', user: 'other', port: 1 }] });
    expect(wayOf((await resolve(undefined, [first, gate], [first])).get('web')!)).toBe(
      'me@web:22 < other@192.0.2.1:1',
    );
  });

  test('only the first hop goes the way of its own; the others are reached through those before them', async () => {
    const hops = [
      host('first', { user: 'a', jump: [{ host: 'outermost', user: 'x' }] }),
      host('second', { user: 'b', jump: [{ host: 'never', user: 'x' }] }),
    ];
    const first = host('web', { jump: [{ host: 'first' }, { host: 'second' }] });
    expect(wayOf((await resolve(undefined, [first, ...hops], [first])).get('web')!)).toBe(
      'me@web:22 < b@second:22 < a@first:22 < x@outermost:22',
    );
  });

  test.each<[string, string, readonly ConnectionSettings[], string]>([
    ['of one', '', [host('a', { jump: [{ host: 'a' }] })], 'a < a'],
    [
      'of inventory and configuration',
      'Host b\n  ProxyJump a\n',
      [host('a', { jump: [{ host: 'b' }] })],
      'a < b < a',
    ],
    [
      'of the configuration alone',
      'Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n',
      [host('a')],
      'a < b < a',
    ],
    ['of everybody', 'Host *\n  ProxyJump gate\n', [host('a')], 'a < gate < gate'],
  ])('a circle %s is told, with the hosts on it', async (_name, config, hosts, circle) => {
    const said = await problems(config, hosts);
    expect(said).toEqual([expect.stringMatching(new RegExp(`SSH_CONFIG a .*in a circle: ${circle};`))]);
  });
});

test('every problem of every host is told at once, once, with file, line and column', async () => {
  const config = 'Host a b\n  Port 0\n  ProxyJump -x\nHost b\n  User -root\n';
  const said = await problems(config, [host('a'), host('b'), host('c', { jump: [{ host: 'c' }] })]);
  expect(said).toEqual([
    expect.stringMatching(/^SSH_CONFIG — ~\/config:2:3 — port must be/),
    expect.stringMatching(/^SSH_CONFIG — ~\/config:3:3 — proxyjump must name hosts/),
    expect.stringMatching(/^SSH_CONFIG — ~\/config:5:8 — "-root" is no login name/),
    expect.stringMatching(/^SSH_CONFIG c — the way to c goes in a circle: c < c/),
  ]);
});
