import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFaultProxy } from '../../src/ssh/testing/fault-proxy.ts';
import { failuresOf, folderWith, provision, type ProvisionResult } from './support/provision.ts';
import { startHost, type TestHost } from './support/test-host.ts';

/** One resource that takes seconds and says on the host when it has begun; what it does is not harmed by a second time. */
const playbookText = `import { inventory, playbook, resource, sh } from 'provision';
const site = inventory({ web: {} });
const slow = resource({
  kind: 'slow',
  want: (props: { name: string; seconds: number }) => props,
  id: ({ name }) => name,
  read: async (host, { name }) => {
    const { code } = await host.probe(sh\`[ -e \${'/root/' + name} ]\`);
    return code === 0 ? { name, done: true } : undefined;
  },
  diff: (have, { name }) => (have ? [] : [{ type: 'value', path: 'done', want: name }]),
  apply: async (host, { name, seconds }) => {
    await host.run(sh\`touch \${'/root/begun-' + name}; sleep \${seconds}; touch \${'/root/' + name}\`);
  },
});
const detached = resource({
  kind: 'detached',
  want: (props: { name: string }) => props,
  id: ({ name }) => name,
  read: async (host) => ((await host.probe(sh\`[ -e /root/three ]\`)).code === 0 ? { done: true } : undefined),
  diff: (have) => (have ? [] : [{ type: 'value', path: 'done', want: 'three' }]),
  apply: async (host, { name }) => {
    const script = sh\`echo x >>/root/begun-one; sleep 4; touch /root/three\`;
    await host.run(script, { detached: name, timeoutMs: 60_000 });
  },
});
export const apart = playbook(site.play('web', () => [detached({ name: 'three' })]));
export default playbook(site.play('web', () => [slow({ name: 'one', seconds: 4 }), slow({ name: 'two', seconds: 1 })]));
`;

const folder = folderWith({
  'playbook.ts': playbookText,
  'apart.ts': playbookText
    .replace('export default', 'export const other =')
    .replace('export const apart =', 'export default'),
});
let host: TestHost;
beforeAll(async () => {
  host = await startHost({ name: 'line', restarts: true });
});
afterAll(() => host.stop());

const args = () => ['-i', folder.file('inventory.yaml'), '-y', folder.file('playbook.ts')];

async function begin(port = host.port): Promise<void> {
  await host.run('rm -f /root/one /root/two /root/begun-*');
  writeFileSync(
    folder.file('inventory.yaml'),
    `web:\n  hosts:\n    web-1: { host: 127.0.0.1, port: ${port}, fingerprint: '${host.hostKeyFingerprint}', user: root, key: ${host.privateKeyPath} }\n`,
  );
}

const begun = () => host.run('until [ -e /root/begun-one ]; do sleep 0.1; done');

function expectConverged(result: ProvisionResult): void {
  expect({ exit: result.exit, failures: failuresOf(result) }).toMatchObject({ exit: 0 });
  expect(result.statuses).toEqual(['web-1 slow one: changed', 'web-1 slow two: changed']);
}

const notices = ({ stdout }: ProvisionResult) =>
  stdout.split('\n').filter((line) => line.includes('"event":"notice"'));

test.each([
  ['F11: the session is killed', "pkill -KILL -f '^sshd: root@notty'", /reached again/],
  [
    'F14: sshd is restarted, and its sessions with it',
    "systemctl restart ssh; pkill -f '^sshd: root@notty'",
    /reached again/,
  ],
])('%s in the middle of a step: the run goes on and converges', async (_name, fault, told) => {
  await begin();
  const work = provision(args());
  await begun();
  await host.exec(fault);
  const result = await work;
  expectConverged(result);
  expect(notices(result).join('\n')).toMatch(told);
  expect((await provision(args())).statuses).toEqual(['web-1 slow one: ok', 'web-1 slow two: ok']);
});

test('F14: sshd is restarted again and again during a run: nobody notices', async () => {
  await begin();
  const work = provision(args());
  await begun();
  await host.run('for turn in 1 2 3; do systemctl reset-failed ssh; systemctl restart ssh; sleep 0.3; done');
  expectConverged(await work);
});

test('F25, S50: a second run at the same time is locked out with 7, or waits and finds all done', async () => {
  await begin();
  const first = provision(args());
  await begun();
  const [refused, waiting] = await Promise.all([
    provision(args()),
    provision([...args(), '--lock-wait', '120']),
  ]);
  expect(refused.exit).toBe(7);
  expect(failuresOf(refused)).toMatch(
    /LOCKED the host is locked by another run: .*@.* \(pid \d+, run [0-9a-f]{16}\)/,
  );
  expectConverged(await first);
  expect({ exit: waiting.exit, failures: failuresOf(waiting) }).toMatchObject({ exit: 0 });
  expect(waiting.statuses).toEqual(['web-1 slow one: ok', 'web-1 slow two: ok']);
  expect(await host.run('ls -ld /run/provision; ls /run/provision')).toMatch(
    /^drwx------ .* root root [^]*lock/,
  );
});

test('F15: a partition that heals after a while is survived', async () => {
  await begin();
  const work = provision(args());
  await begun();
  await host.run("pkill -STOP -f '^sshd: root@notty'");
  await new Promise((resolve) => setTimeout(resolve, 5000));
  await host.run("pkill -CONT -f '^sshd: root@notty'");
  const result = await work;
  expectConverged(result);
  expect(notices(result)).toEqual([]);
});

test('F11: detached work is a unit of systemd that a broken line does not touch, and is done once', async () => {
  await begin();
  const work = provision(['-i', folder.file('inventory.yaml'), '-y', folder.file('apart.ts')]);
  await begun();
  expect(await host.run("systemctl list-units --no-legend 'provision-*'")).toMatch(
    /provision-[0-9a-f]{16}\.service/,
  );
  await host.exec("pkill -KILL -f '^sshd: root@notty'");
  const result = await work;
  expect({ exit: result.exit, failures: failuresOf(result) }).toMatchObject({ exit: 0 });
  expect(result.statuses).toEqual(['web-1 detached three: changed']);
  expect(await host.run('cat /root/begun-one; ls -A /run/provision/detached')).toBe('x\n');
});

test('F11, F14, F32: sshd goes away while a real package is installed: dpkg ends its work, and the run goes on', async () => {
  await begin();
  const text = `import { inventory, pkg, playbook } from 'provision';
const site = inventory({ web: {} });
export default playbook(site.play('web', () => [pkg({ name: 'nginx' })]));
`;
  writeFileSync(folder.file('package.ts'), text, { mode: 0o600 });
  // What an interrupted dpkg leaves: without a repair, every call of apt fails.
  await host.run('touch /var/lib/dpkg/updates/0001');
  const run = () => provision(['-i', folder.file('inventory.yaml'), '-y', folder.file('package.ts')]);
  const work = run();
  await host.run(
    "until ls /run/provision/detached/*/pid >/dev/null 2>&1; do sleep 0.05; done; pkill -KILL -f '^sshd: root@notty'",
  );
  const result = await work;
  expect({ exit: result.exit, failures: failuresOf(result) }).toMatchObject({ exit: 0 });
  expect(result.statuses).toEqual(['web-1 package nginx: changed']);
  expect(notices(result).join('\n')).toContain('reached again');
  expect(await host.run('dpkg --audit; ls /var/lib/dpkg/updates; ls -A /run/provision/detached')).toBe('');
  expect((await run()).statuses).toEqual(['web-1 package nginx: ok']);
});

test('F30: the host is restarted in the middle of a step: the run waits for it, says so, goes on and converges', async () => {
  // An address that stays: the mapped port is another one after a restart.
  const proxy = await startFaultProxy({
    host: host.address,
    get port() {
      return host.port;
    },
  });
  try {
    await begin(proxy.port);
    const work = provision(args());
    await begun();
    await host.restart();
    const result = await work;
    expectConverged(result);
    expect(notices(result).join('\n')).toMatch(
      /reached again after \d+ s; the host was started anew in between/,
    );
    expect((await provision(args())).statuses).toEqual(['web-1 slow one: ok', 'web-1 slow two: ok']);
  } finally {
    await proxy.close();
  }
});

test('F31: another apt is at work: who it is is told, it is waited for, and nobody is killed', async () => {
  await begin();
  const text = `import { inventory, pkg, playbook } from 'provision';
const site = inventory({ web: {} });
export default playbook(site.play('web', () => [pkg({ name: 'iptables' })]));
`;
  writeFileSync(folder.file('other.ts'), text, { mode: 0o600 });
  // Both are in the cache of apt. This one keeps its locks, fcntl(2) of its own, until we have been seen to wait.
  const pause = 'touch /root/apt-waits; until [ -e /root/apt-goes ]; do sleep 0.1; done';
  const other = host.run(`apt-get -q -y -o DPkg::Pre-Invoke::='${pause}' install libnfnetlink0`);
  await host.run('until [ -e /root/apt-waits ]; do sleep 0.1; done');
  const told: string[] = [];
  const result = await provision(['-i', folder.file('inventory.yaml'), '-y', folder.file('other.ts')], {
    onEvent(event) {
      if (event.event !== 'progress' || !/dpkg lock/.test(event.text)) return;
      if (told.push(event.text) === 1) void host.run('touch /root/apt-goes');
    },
  });
  expect({ exit: result.exit, failures: failuresOf(result) }).toMatchObject({ exit: 0 });
  expect(result.statuses).toEqual(['web-1 package iptables: changed']);
  expect(told[0]).toMatch(/^waiting for pid \d+ apt-get \(holds the dpkg lock\), 0 s$/);
  expect(await other).toContain('Setting up libnfnetlink0');
  expect(await host.run("dpkg --audit; dpkg-query -W -f '${db:Status-Status} ' iptables libnfnetlink0")).toBe(
    'installed installed ',
  );
});

test('F20: an apt that hangs is left running and said so with 2, and the next run waits for that very one', async () => {
  await begin();
  await host.run('rm -f /root/apt-goes /root/hung');
  const hook = 'echo x >>/root/hung; until [ -e /root/apt-goes ]; do sleep 0.1; done';
  const text = `import { inventory, playbook, resource, sh } from 'provision';
const hung = resource({
  kind: 'hung',
  want: (props: { installed: string }) => props,
  id: ({ installed }) => installed,
  read: async (host) => ((await host.probe(sh\`[ -e /root/apt-goes ]\`)).code === 0 ? { installed: 'libnfnetlink0' } : undefined),
  apply: async (host, { installed }) => {
    const apt = sh\`apt-get -q -y -o DPkg::Pre-Invoke::=\${${JSON.stringify(hook)}} --reinstall install \${installed}\`;
    await host.run(apt, { detached: 'hung', doing: 'apt-get', timeoutMs: Number(process.env['APT_MS']) });
  },
});
export default playbook(inventory({ web: {} }).play('web', () => [hung({ installed: 'libnfnetlink0' })]));
`;
  writeFileSync(folder.file('hung.ts'), text, { mode: 0o600 });
  const command = ['-i', folder.file('inventory.yaml'), '-y', folder.file('hung.ts')];
  const first = await provision(command, { env: { APT_MS: '2000' } });
  expect(first.exit).toBe(2);
  expect(failuresOf(first)).toContain('STEP_TIMEOUT "apt-get" did not end within 2 s');
  expect(first.stdout).toMatch(/left running, as provision-[0-9a-f]{16}/);
  await host.run('pgrep -x apt-get');
  const second = await provision(command, {
    env: { APT_MS: '120000' },
    onEvent(event) {
      if (event.event === 'progress' && /^apt-get, \d+ s/.test(event.text))
        void host.run('touch /root/apt-goes');
    },
  });
  expect({ exit: second.exit, failures: failuresOf(second) }).toMatchObject({ exit: 0 });
  expect(second.statuses).toEqual(['web-1 hung libnfnetlink0: changed']);
  expect(
    await host.run('cat /root/hung; pgrep -x apt-get || true; dpkg --audit; ls -A /run/provision/detached'),
  ).toBe('x\n');
});

test('F25: one machine under two addresses of an inventory is locked by the one, and refused to the other', async () => {
  const proxy = await startFaultProxy(host.port);
  try {
    await begin();
    const settings = `fingerprint: '${host.hostKeyFingerprint}', user: root, key: ${host.privateKeyPath}`;
    const of = (port: number) => `{ host: 127.0.0.1, port: ${port}, ${settings} }`;
    const hosts = `{ web-1: ${of(host.port)}, web-2: ${of(proxy.port)} }`;
    writeFileSync(folder.file('inventory.yaml'), `web: { hosts: ${hosts} }\n`);
    const result = await provision(args());
    expect(result.exit).toBe(7);
    expect(failuresOf(result)).toMatch(/LOCKED the host is locked by .* as web-[12], since /);
    const changed = result.steps.filter(({ status }) => status === 'changed');
    expect(changed.map(({ step }) => step)).toEqual(['slow one', 'slow two']);
    expect(new Set(changed.map((step) => step.host)).size).toBe(1);
    expect(notices(result)).toEqual([]);
  } finally {
    await proxy.close();
  }
});
