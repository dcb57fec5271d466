import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { sh } from 'provision';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Connection } from '../../src/host/connection.ts';
import { RemoteHost } from '../../src/host/remote-host.ts';
import { folderWith } from './support/provision.ts';
import { startOddHost, type OddHost } from './support/odd-host.ts';

const oneSession = 2201;
const twoSessions = 2202;
const noSftp = 2203;

let odd: OddHost;
beforeAll(async () => {
  odd = await startOddHost({ ports: [oneSession, twoSessions, noSftp] });
  await startSshd(oneSession, 'MaxSessions 1', 'Subsystem sftp internal-sftp');
  await startSshd(twoSessions, 'MaxSessions 2', 'Subsystem sftp internal-sftp');
  await startSshd(noSftp);
});
afterAll(() => odd.stop());

/** Another sshd on the same host, with lines of its own. */
function startSshd(port: number, ...lines: string[]): Promise<string> {
  const common = [
    'UsePAM yes',
    'HostKey /etc/ssh/ssh_host_ed25519_key',
    'AuthorizedKeysFile /etc/ssh/odd_keys',
  ];
  const config = [`Port ${port}`, `PidFile /run/sshd-${port}.pid`, ...common, ...lines].join('\n');
  return odd.host.run(`echo '${config}' >/etc/ssh/sshd-${port} && /usr/sbin/sshd -f /etc/ssh/sshd-${port}`);
}

const quick = { timeoutMs: 30_000, doing: 'test' };

/** What an inventory may hold that a shell of some kind would act upon. */
const hostile = [
  '$(touch /pwn)',
  '`touch /pwn`',
  '; touch /pwn',
  '\ntouch /pwn\n',
  "' ; touch /pwn ; '",
  '"; touch /pwn; "',
  "\\' ; touch /pwn # \\",
  'ends in \\',
  '-x',
  '--',
  '*',
  '~root',
  '!!',
  '!$:s/a/b/',
  '$HOME ${IFS}%s%n',
  '{a,b}',
  '',
  '\t ',
  'grüße 日本 \u{1f600}',
];

/** What every host must do: run as root, pass on any value, write a file as it was asked for, and leave nothing else. */
async function exercise(connection: Connection | undefined, name: string): Promise<void> {
  if (!connection) throw new Error('there is no connection');
  const { stdout, stderr } = await connection.execute(sh`id -u; pwd; umask; printf '<%s>' ${hostile}`, quick);
  expect(stdout).toBe(`0\n/\n0077\n${hostile.map((value) => `<${value}>`).join('')}`);
  expect(stderr).toBe('');
  const { address } = odd.host;
  const host = new RemoteHost({ name, address, connection, progress: () => undefined, clock: Date.now });
  const content = `${name}\n${'ä'.repeat(50_000)}`;
  for (const path of [`/etc/odd/${name}`, `/srv/${name}`]) {
    await host.run(sh`mkdir -p -m 755 /etc/odd`);
    await host.writeFile(path, content, { mode: '0644' });
    expect(await host.stat(path)).toMatchObject({ mode: '0644', owner: 'root', group: 'root', type: 'file' });
    expect(await host.readFile(path)).toBe(content);
  }
  await connection.close();
  expect(await odd.host.run('ls -d /pwn /root/pwn 2>/dev/null || true')).toBe('');
  const left =
    'find / -xdev -name ".provision*" -not -path "/proc/*" -not -path "/var/lib/provision*" 2>/dev/null || true';
  expect(await odd.host.run(left)).toBe('');
}

describe('login shells', () => {
  it.each(['bash', 'dash', 'fish', 'tcsh', 'zsh', 'ash', 'rbash'])('F48, S30: %s', async (shell) => {
    const { connection, problem } = await odd.logIn(`shell-${shell}`);
    expect(problem).toBeUndefined();
    await exercise(connection, shell);
  });

  it.each(['bash', 'fish', 'tcsh', 'zsh'])(
    'F48: %s with start files that talk on both streams',
    async (shell) => {
      await exercise((await odd.logIn(`noisy-${shell}`)).connection, `noisy-${shell}`);
    },
  );

  it.each([
    ['shell-nologin', /This account is currently not available/],
    ['shell-false', /exit status 1/],
    ['forced-other', /exit status 0.*hello/],
  ])('F48: no shell: %s', async (user, happened) => {
    const { problem } = await odd.logIn(user);
    expect(problem).toMatchObject({ code: 'NO_SHELL', host: 'odd', hostState: 'host untouched' });
    expect(problem?.happened).toMatch(happened);
    expect(problem?.remedy).toContain(`chsh -s /bin/sh ${user}`);
  });

  it('F48: a forced command that runs what was asked for', async () => {
    await exercise((await odd.logIn('forced-through')).connection, 'forced-through');
  });

  it.each(['root-dash', 'root-bash', 'root-busybox'])('F48: what /bin/sh is: %s', async (user) => {
    await exercise((await odd.logIn(user)).connection, user);
  });
});

it('F52: without /proc scripts run, and a file that cannot be placed safely is not touched', async () => {
  const { connection } = await odd.logIn('root-noproc');
  expect(await connection!.execute(sh`id -u; [ -e /proc/self ] || echo none`, quick)).toMatchObject({
    code: 0,
    stdout: '0\nnone\n',
  });
  const { address } = odd.host;
  const host = new RemoteHost({
    name: 'x',
    address,
    connection: connection!,
    progress: () => undefined,
    clock: Date.now,
  });
  await expect(host.writeFile('/etc/hostname', 'other', { mode: '0644' })).rejects.toMatchObject({
    code: 'COMMAND_FAILED',
  });
  expect(await odd.host.run('cat /etc/hostname')).toBe('odd\n');
});

describe('environments', () => {
  it.each(['de-de-utf-8', 'ja-jp-utf-8', 'tr-tr-utf-8', 'de-de-iso-8859-1', 'xx-xx-utf-8'])(
    'F51: the locale %s',
    async (locale) => {
      const { connection } = await odd.logIn(`locale-${locale}`);
      const { stdout, stderr } = await connection!.execute(
        sh`ls /nonexistent 2>&1; locale 2>&1; printf '%s' i | tr a-z A-Z; sort <<X
b
B
a
X`,
        quick,
      );
      expect(stdout).toContain('No such file or directory');
      expect(stdout).toContain('LC_ALL=C\n');
      expect(stdout).toMatch(/IB\na\nb\n$/);
      expect(stdout + stderr).not.toMatch(/cannot (set|change) locale/i);
      await exercise(connection, locale);
    },
  );

  it.each(['umask-077', 'umask-000', 'path-empty', 'path-unset', 'home-missing', 'home-closed', 'few-files'])(
    'F52: %s',
    async (user) => exercise((await odd.logIn(user)).connection, user),
  );

  it('F52: variables that steer programs, by sudo and by su', async () => {
    for (const become of ['sudo', 'su'] as const) {
      const { connection } = await odd.logIn('env-odd', { become, become_password: 'root-password' });
      const { stdout } = await connection!.execute(sh`env`, quick);
      expect(stdout).not.toMatch(
        /^(ENV|BASH_ENV|LD_\w+|TMPDIR|GREP_OPTIONS|POSIXLY_CORRECT|CDPATH|LS_COLORS)=/m,
      );
      await exercise(connection, `env-${become}`);
    }
  });
});

describe('/tmp', () => {
  it.each([
    ['noexec', 'mount -t tmpfs -o noexec tmpfs /tmp', 'umount /tmp'],
    ['missing', 'mv /tmp /tmp.away', 'mv /tmp.away /tmp'],
    ['closed to all', 'chmod 0000 /tmp', 'chmod 1777 /tmp'],
    ['read-only', 'mount -t tmpfs -o ro tmpfs /tmp', 'umount /tmp'],
    ['full', 'mount -t tmpfs -o size=4k tmpfs /tmp; echo >/tmp/x', 'umount /tmp'],
  ])('F24: %s', async (name, make, undo) => {
    await odd.host.run(make);
    try {
      for (const user of ['shell-bash', 'root-dash'])
        await exercise((await odd.logIn(user)).connection, `tmp-${name.replaceAll(' ', '-')}-${user}`);
    } finally {
      await odd.host.run(undo);
    }
  });
});

describe('what sshd allows', () => {
  it.each([
    ['one session', oneSession, /no SFTP, files travel through the shell/],
    ['two sessions', twoSessions, /^$/],
  ])('F17: %s', async (name, port, noted) => {
    const { connection, notes } = await odd.logIn('shell-bash', { port: odd.host.mappedPort(port) });
    const hung = connection!.execute(sh`sleep 1000`, { timeoutMs: 300, doing: 'sleep' });
    await expect(hung).rejects.toMatchObject({ code: 'STEP_TIMEOUT' });
    expect(await odd.host.run('pgrep -fx "sleep 1000" || true')).toBe('');
    await exercise(connection, `sessions-${name.split(' ')[0]}`);
    expect(notes.join('\n')).toMatch(noted);
  });

  it('F49: no SFTP subsystem', async () => {
    const { connection, notes } = await odd.logIn('shell-bash', { port: odd.host.mappedPort(noSftp) });
    await exercise(connection, 'no-sftp');
    expect(notes.join()).toContain('files travel through the shell');
  });

  it('F49: nothing but SFTP', async () => {
    const { problem } = await odd.logIn('sftp-only');
    expect(problem).toMatchObject({ code: 'NO_SHELL', hostState: 'host untouched' });
    expect(problem?.happened).toContain('sftp connections only');
  });
});

describe('what a host says', () => {
  it.each([
    ['an endless yes', sh`yes`, 2000],
    [
      '100 megabytes on both streams',
      sh`head -c 100000000 /dev/zero; head -c 100000000 /dev/zero >&2`,
      120_000,
    ],
  ])('F45: %s takes bounded memory', async (_name, script, timeoutMs) => {
    const { connection } = await odd.logIn('shell-bash');
    const before = process.memoryUsage().rss;
    let most = before;
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 20);
    const answer = await connection!
      .execute(script, { timeoutMs, doing: 'flood' })
      .catch((error: unknown) => error as Error);
    clearInterval(watch);
    if (answer instanceof Error) expect(answer).toMatchObject({ code: 'STEP_TIMEOUT' });
    else expect(answer.stdout).toContain('99475712 bytes left out');
    expect(most - before).toBeLessThan(128 * 1024 * 1024);
    expect(await odd.host.run('pgrep -x yes || true')).toBe('');
    expect(await connection!.execute(sh`echo alive`, quick)).toMatchObject({ stdout: 'alive\n', stderr: '' });
  });

  it('T10: characters that lie across packets arrive whole', async () => {
    const { connection } = await odd.logIn('shell-bash');
    const script = sh`yes 'ä日😀' | head -n 40000`;
    expect((await connection!.execute(script, quick)).stdout).not.toContain('\ufffd');
  });

  // Titles, links, clipboards, queries that a terminal answers, one that hides what was said, and what looks like nothing.
  const sequences = [
    ...[
      '\x1b[2J\x1b[1;1H',
      '\x1b]0;title\x07',
      '\x1b]8;;http://x\x1b\\',
      '\x1b]52;c;cHdu\x07',
      '\x1bP+q544e\x1b\\',
    ],
    ...[
      '\x1b[6n',
      '\x1b_Gi=1\x1b\\',
      '\x1b]1337;File=:AAAA\x07',
      '\x1bc',
      '\rall is well',
      '\b\b\b\b',
      '\x7f',
    ],
    ...[
      '\x9b2J',
      '\x90q\x9c',
      '\x9d0;x\x9c',
      '\u202egnp.exe',
      '\u2066x\u2069',
      '\u200b',
      '\ufeff',
      '\u2028',
      '\0',
    ],
  ];
  it.each([
    ['lines', ['-C', '-D']],
    ['lines', ['-vvv']],
    ['jsonl', ['-vvv']],
  ])('S34: nothing of it reaches a terminal: --output %s %j', async (output, options) => {
    const content = Buffer.concat([
      Buffer.from(`said-by-the-host ${sequences.join(' ')}`),
      Buffer.from([0x9b, 0xff, 0x1b]),
    ]);
    await odd.host.run(`echo ${content.toString('base64')} | base64 -d >/srv/said`);
    const folder = folderWith({ 'playbook.ts': talkative, 'inventory.yaml': inventoryOf(odd) });
    const args = [
      folder.file('playbook.ts'),
      '-i',
      folder.file('inventory.yaml'),
      '--output',
      output,
      ...options,
    ];
    const { exit, bytes } = await provision(args);
    expect(exit).toBe(options.includes('-C') ? 0 : 2);
    expect(bytes.toString()).toContain('said-by-the-host');
    expect(bytes.toString()).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
  });
});

/** A playbook that repeats what its host says, as a value and as the output of a command that fails. */
const talkative = `import { inventory, playbook, resource, sh } from 'provision';
const speech = resource({
  kind: 'speech',
  want: (props: { readonly said: string }) => props,
  id: () => 'x',
  async read(host) {
    return { said: (await host.probe(sh\`cat /srv/said\`)).stdout };
  },
  async apply(host) {
    host.progress((await host.probe(sh\`cat /srv/said\`)).stdout);
    await host.run(sh\`cat /srv/said; cat /srv/said >&2; exit 3\`, { doing: 'talking' });
  },
});
export default playbook(inventory({ odd: {} }).play('odd', () => [speech({ said: 'nothing' })]));
`;

function inventoryOf({ host }: OddHost): string {
  const settings = {
    host: host.address,
    port: host.port,
    user: 'shell-fish',
    key: host.privateKeyPath,
    fingerprint: host.hostKeyFingerprint,
  };
  return `odd: { hosts: { odd-1: ${JSON.stringify(settings)} } }\n`;
}

/** The built command line; all that it wrote. */
function provision(args: readonly string[]): Promise<{ exit: number; bytes: Buffer }> {
  const program = fileURLToPath(new URL('../../dist/provision.js', import.meta.url));
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [program, ...args],
      { encoding: 'buffer' },
      (_, stdout, stderr) => resolve({ exit: child.exitCode ?? 255, bytes: Buffer.concat([stdout, stderr]) }),
    );
    child.stdin?.end();
  });
}
