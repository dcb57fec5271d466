import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { opsPassword, rootPassword } from './support/host-image.ts';
import { startOddHost, type OddHost } from './support/odd-host.ts';
import { failuresOf, folderWith, provision } from './support/provision.ts';

const oneSession = 2201;

/** A resource that notes, by a look at the host of its own, whether it is locked while steps are made. */
const playbookText = `import { inventory, playbook, resource, sh } from 'provision';
const look = resource({
  kind: 'look',
  want: (props: { readonly seen: string }) => props,
  id: () => 'x',
  read: async (host) => ((await host.probe(sh\`[ -s /tmp/seen ]\`)).code === 0 ? { seen: '/tmp/seen' } : undefined),
  apply: async (host) => {
    await host.run(sh\`if [ "$(id -u)" = 0 ]; then dir=/run/provision; else dir=$HOME/.cache/provision/$(uname -n); fi
id -un >/tmp/seen; flock -n "$dir/lock" echo free >>/tmp/seen || cut -f5 "$dir/owner" >>/tmp/seen\`);
  },
});
export default playbook(inventory({ odd: {} }).play('odd', () => [look({ seen: '/tmp/seen' })]));
`;

const folder = folderWith({ 'playbook.ts': playbookText });
let odd: OddHost;
beforeAll(async () => {
  odd = await startOddHost({ ports: [oneSession] });
  const lines = ['Port 2201', 'UsePAM yes', 'HostKey /etc/ssh/ssh_host_ed25519_key', 'MaxSessions 1'];
  const config = [...lines, 'AuthorizedKeysFile /etc/ssh/odd_keys'].join('\n');
  await odd.host.run(`echo '${config}' >/etc/ssh/sshd-one && /usr/sbin/sshd -f /etc/ssh/sshd-one`);
});
afterAll(() => odd.stop());

test.each([
  ['sudo-tty', 'sudo', 'sessions', opsPassword],
  ['sudo-tty-free', 'sudo', 'sessions'],
  ['sudo-pty', 'sudo', 'sessions', opsPassword],
  ['su-user', 'su', 'sessions', rootPassword],
  ['doas-user', 'doas', 'sessions', opsPassword],
  ['shell-fish', 'none', 'sessions'],
  ['shell-fish', 'sudo', 'one session'],
  ['sudo-tty', 'sudo', 'one session', opsPassword],
  ['doas-user', 'doas', 'one session', opsPassword],
  ['shell-ash', 'none', 'one session'],
])(
  'F25, F50: a run locks the host and frees it again: %s by %s with %s',
  async (user, method, sessions, password = '') => {
    const settings = {
      host: odd.host.address,
      port: odd.host.mappedPort(sessions === 'one session' ? oneSession : 22),
      user,
      key: odd.host.privateKeyPath,
      fingerprint: odd.host.hostKeyFingerprint,
      ...(method === 'none' ? { become: false } : { become_method: method }),
      ...(password !== '' && { become_password: { env: 'BECOME' } }),
    };
    const inventory = folder.file('inventory.yaml');
    writeFileSync(inventory, `odd: { hosts: { odd-1: ${JSON.stringify(settings)} } }\n`, { mode: 0o600 });
    await odd.host.run('rm -f /tmp/seen');
    const result = await provision(['-i', inventory, '-y', folder.file('playbook.ts')], {
      env: { BECOME: password },
    });
    expect({ exit: result.exit, failures: failuresOf(result) }).toMatchObject({ exit: 0 });
    // Neither a warning that there is no lock nor one that it was lost.
    expect(result.stdout).not.toContain('"event":"notice"');
    const [whose, holder] = (await odd.host.run('cat /tmp/seen')).split('\n');
    expect(whose).toBe(method === 'none' ? user : 'root');
    expect(holder).toMatch(/\(pid \d+, run [0-9a-f]{16}\) as odd-1, since /);
    const where = method === 'none' ? `/home/${user}/.cache/provision/odd` : '/run/provision';
    // The one that gives it back heard us say so.
    expect(await odd.host.run(`flock -n ${where}/lock echo free; ls -A ${where}/owner 2>&1 || true`)).toMatch(
      /^free\n.*No such file/,
    );
  },
);
