import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engine } from './support/engine.ts';
import { startNetwork, type TestNetwork } from './support/network.ts';
import { failuresOf, folderWith, provision } from './support/provision.ts';
import { startHost, type TestHost } from './support/test-host.ts';

const folder = folderWith({
  'playbook.ts': `import { inventory, playbook, resource, sh } from 'provision';
const site = inventory({ web: {} });
const mark = resource({
  kind: 'mark',
  want: (props: { name: string }) => props,
  id: ({ name }) => name,
  read: async (host, { name }) =>
    (await host.probe(sh\`[ -e \${'/root/' + name} ]\`)).code === 0 ? { name, done: true } : undefined,
  diff: (have, { name }) => (have ? [] : [{ type: 'value', path: 'done', want: name }]),
  apply: async (host, { name }) => {
    await host.run(sh\`touch /root/begun; while [ -e /root/wait ]; do sleep 0.1; done; touch \${'/root/' + name}\`);
  },
});
export default playbook(site.play('web', () => [mark({ name: 'done' })]));
`,
});

let network: TestNetwork;
let bastion: TestHost;
let inner: readonly TestHost[];
let near: TestHost;
beforeAll(async () => {
  network = await startNetwork();
  const start = (name: string) => startHost({ name, network });
  const [first, ...others] = await Promise.all(['bastion', 'web-1', 'web-2', 'near'].map(start));
  bastion = first!;
  inner = others.slice(0, 2);
  near = others[2]!;
});
afterAll(async () => {
  await Promise.all([bastion, ...inner, near].map((host) => host.stop()));
  await network.stop();
});

const env = { HOME: folder.path, SSH_AUTH_SOCK: '' };

/** How often sshd of a host let somebody in so far. */
async function logins(host: TestHost): Promise<number> {
  return Number(
    await host.run('journalctl --sync; journalctl -t sshd | grep -c "Accepted publickey" || true'),
  );
}

/** How often anybody came to sshd of a host so far, with or without a login. */
async function contacts(host: TestHost): Promise<string> {
  return host.run(
    'journalctl --sync; journalctl -t sshd | grep -Ec "Connection (from|closed|reset)|Accepted" || true',
  );
}

/** A key that is not the bastion's, where its own is stored. */
function withWrongKey(file: string): string {
  const place = `[127.0.0.1]:${bastion.port}`;
  const others = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith(`${place} `));
  return [`${place} ${near.knownHostsLine.split(' ').slice(1).join(' ')}`, ...others].join('\n');
}

const inventoryOf = (bastionEntry: string, settings: string, nearSettings = '') => `${bastionEntry}web:
  vars:
    ${settings}
  hosts:
    web-1: { host: ${inner[0]!.addressInNetwork} }
    web-2: { host: ${inner[1]!.addressInNetwork} }
${nearSettings}`;

const ways = [
  {
    way: '`jump:` of the inventory',
    store: '.ssh/known_hosts',
    write: () => {
      const key = bastion.privateKeyPath;
      const entry = `gates:\n  hosts:\n    gate: { host: 127.0.0.1, port: ${bastion.port}, user: deploy, key: ${key} }\n`;
      const text = inventoryOf(entry, `{ user: root, key: ${key}, jump: gate }`);
      writeFileSync(folder.file('inventory.yaml'), text);
      return ['--ssh-config', 'none'];
    },
  },
  {
    way: 'ProxyJump of a configuration of ssh',
    store: 'known_of_config',
    write: () => {
      writeFileSync(folder.file('inventory.yaml'), inventoryOf('', '{}'));
      writeFileSync(
        folder.file('ssh_config'),
        `Host gate
  HostName 127.0.0.1
  Port ${bastion.port}
  User deploy
  ServerAliveInterval 2
  ServerAliveCountMax 2
Host ${inner.map((host) => host.addressInNetwork).join(' ')}
  User root
  ProxyJump gate
Host *
  IdentityFile ${bastion.privateKeyPath}
  UserKnownHostsFile ${folder.file('known_of_config')}
`,
        { mode: 0o600 },
      );
      return ['-F', folder.file('ssh_config')];
    },
  },
];

describe.each(ways)('hosts behind a bastion, by $way', ({ store, write }) => {
  let given: readonly string[];
  const files = () => ['-i', folder.file('inventory.yaml'), ...given, folder.file('playbook.ts')];
  const run = (...more: string[]) => provision([...files(), '-y', ...more], { env });
  beforeAll(async () => {
    given = write();
    for (const host of inner) await host.run('rm -f /root/done /root/begun');
  });

  test('F08: no key is stored without a yes, and nobody is logged in to', async () => {
    const before = await logins(bastion);
    const asked = await provision(['trust', ...files()], { env });
    expect({ exit: asked.exit, text: asked.stderr }).toMatchObject({ exit: 8 });
    expect(asked.stdout).toContain(bastion.hostKeyFingerprint);
    expect(await logins(bastion)).toBe(before);
    const ran = await run();
    expect({ exit: ran.exit, failures: failuresOf(ran) }).toMatchObject({
      exit: 8,
      failures: expect.stringContaining('HOSTKEY_UNKNOWN') as string,
    });
  });

  test('F08: `trust -y` stores the keys of the bastion and of the hosts behind it', async () => {
    const trusted = await provision(['trust', ...files(), '-y'], { env });
    expect({ exit: trusted.exit, text: trusted.stderr }).toMatchObject({ exit: 0 });
    for (const host of [bastion, ...inner]) expect(trusted.stdout).toContain(host.hostKeyFingerprint);
    expect(readFileSync(folder.file(store), 'utf8')).toContain(`[127.0.0.1]:${bastion.port} `);
    for (const host of inner)
      expect(readFileSync(folder.file(store), 'utf8')).toContain(`${host.addressInNetwork} `);
  });

  test('a run converges by one login to the bastion, and the second changes nothing', async () => {
    const before = await logins(bastion);
    const first = await run();
    expect({ exit: first.exit, failures: failuresOf(first) }).toMatchObject({ exit: 0 });
    expect([...first.statuses].sort()).toEqual(['web-1 mark done: changed', 'web-2 mark done: changed']);
    expect(await logins(bastion)).toBe(before + 1);
    expect([...(await run()).statuses].sort()).toEqual(['web-1 mark done: ok', 'web-2 mark done: ok']);
    expect(await logins(bastion)).toBe(before + 2);
  });

  test('F09, S46: another key of the bastion ends it with 8, and nothing behind it is contacted', async () => {
    const known = readFileSync(folder.file(store), 'utf8');
    const before = [await logins(bastion), ...(await Promise.all(inner.map(contacts)))];
    writeFileSync(folder.file(store), withWrongKey(folder.file(store)));
    const result = await run();
    writeFileSync(folder.file(store), known);
    expect({ exit: result.exit, failures: failuresOf(result) }).toMatchObject({
      exit: 8,
      failures: expect.stringMatching(/HOSTKEY_CHANGED .*jump host gate/) as string,
    });
    expect([await logins(bastion), ...(await Promise.all(inner.map(contacts)))]).toEqual(before);
  });
});

test('F11, S46: a bastion that freezes in the middle takes its own hosts with it, and no other', async () => {
  const given = ways[1]!.write();
  const nearHost = `    near: { host: 127.0.0.1, port: ${near.port}, user: root, fingerprint: '${near.hostKeyFingerprint}' }\n`;
  writeFileSync(folder.file('inventory.yaml'), inventoryOf('', '{}', nearHost));
  for (const host of [...inner, near]) await host.run('rm -f /root/done /root/begun; touch /root/wait');
  const args = ['-i', folder.file('inventory.yaml'), ...given, folder.file('playbook.ts')];
  const work = provision([...args, '-y', '--reconnect', '0'], { env });
  for (const host of [...inner, near]) await host.run('until [ -e /root/begun ]; do sleep 0.1; done');
  const container = (await engine()).getContainer(bastion.container.getId());
  await container.pause();
  try {
    await near.run('rm /root/wait');
    const result = await work;
    expect({ exit: result.exit, failures: failuresOf(result) }).toMatchObject({ exit: 4 });
    const codes = result.steps.map(({ host, problems }) => `${host} ${problems?.[0]?.code ?? 'fine'}`);
    expect(codes.sort()).toEqual(['near fine', 'web-1 CONN_LOST', 'web-2 CONN_LOST']);
  } finally {
    await container.unpause();
    for (const host of inner) await host.run('rm -f /root/wait');
  }
});

test('`--ssh-config none` does not read the file of the user', async () => {
  const text = `web:\n  hosts:\n    alias.invalid: {}\n`;
  writeFileSync(folder.file('inventory.yaml'), text);
  const config = `Host alias.invalid\n  HostName 127.0.0.1\n  Port ${near.port}\n  StrictHostKeyChecking yes\n`;
  writeFileSync(folder.file('.ssh/config'), config, { mode: 0o600 });
  const args = ['trust', '-i', folder.file('inventory.yaml'), folder.file('playbook.ts')];
  expect((await provision(args, { env })).stdout).toContain(near.hostKeyFingerprint);
  const without = await provision([...args, '--ssh-config', 'none'], { env });
  expect(without.exit).toBe(4);
  expect(without.stdout).not.toContain(near.hostKeyFingerprint);
});
