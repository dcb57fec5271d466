import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunEvent, StepEvent } from 'provision';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { makeKey } from '../../src/ssh/testing/make-key.ts';
import { Crowd, startCrowd } from '../hosts/scale/crowd.ts';
import type { Fate, Member } from '../hosts/scale/fates.ts';
import { folderWith, provision, type ProvisionResult } from '../hosts/support/provision.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const program = fileURLToPath(new URL('../../dist/provision.js', import.meta.url));
const bad: Partial<Record<number, Fate>> = {
  2: 'step fails',
  5: 'refused',
  6: 'no login',
  9: 'other key',
  11: 'no sudo',
};

let members: readonly Member[];
let stopHosts: () => Promise<void>;
beforeAll(async () => {
  const asked = Array.from({ length: 14 }, (_, index) => ({
    name: `host-${index}`,
    fate: bad[index] ?? ('well' as const),
  }));
  ({ members, stop: stopHosts } = await startCrowd(asked));
});
afterAll(() => stopHosts());

describe('one run over fourteen hosts, five of them bad in one way each', () => {
  let alone: Told;
  beforeAll(async () => {
    alone = await told(new Crowd(members));
  });

  test('shows every way to end', () => {
    expect(alone.exit).toBe(8);
    const codes = Object.values(alone.byHost)
      .flat()
      .filter((line) => line.includes('"status":"failed"'));
    expect(codes).toHaveLength(5);
  });

  test.each([2, 3, 20])('is the same with %i workers', async (count) => {
    const shared = await told(new Crowd(members), '--workers', String(count));
    expect(shared).toEqual(alone);
  });

  test('is the same in a check with the text of changes', async () => {
    const check = await told(new Crowd(members), '-C', '-D', '--detailed-exitcode');
    expect(await told(new Crowd(members), '-C', '-D', '--detailed-exitcode', '--workers', '3')).toEqual(
      check,
    );
  });
});

/** What a user sees of a run, but for times, the order between hosts and the folder of the run. */
interface Told {
  readonly exit: number;
  readonly stderr: string;
  readonly summary: unknown;
  readonly phases: readonly RunEvent[];
  readonly byHost: Readonly<Record<string, readonly string[]>>;
}

async function told(crowd: Crowd, ...more: readonly string[]): Promise<Told> {
  const { result } = await crowd.run(...more);
  return toldOf(result, crowd.folder);
}

function toldOf({ stdout, stderr, exit }: ProvisionResult, folder: string): Told {
  const events = stdout
    .replaceAll(folder, '/folder')
    .replace(/through after \d+ ms|"ms":\d+|in \d+ ms/g, '"ms":0')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RunEvent);
  const byHost: Record<string, string[]> = {};
  for (const event of events)
    if (event.event === 'step' || event.event === 'step-start' || event.event === 'notice')
      (byHost[event.host ?? ''] ??= []).push(JSON.stringify(event));
  return {
    exit,
    stderr,
    summary: events.at(-1),
    phases: events.filter(({ event }) => event === 'start' || event === 'phase'),
    byHost,
  };
}

const site = `import { action, inventory, largeFile, localFile, onChange, playbook, resource, secret, sh, text } from 'provision';
const site = inventory({ web: {
  folder: text(), token: secret(), spoken: secret(), note: localFile(), archive: largeFile(), calls: text(),
} });
const written = resource({
  kind: 'written',
  want: (props) => props,
  id: ({ path }) => path,
  read: async (host, { path }) => {
    const { code, stdout } = await host.probe(sh\`cat \${path}\`);
    return code === 0 ? { text: stdout } : undefined;
  },
  diff: (have, { text }) => have?.text === text.reveal() ? [] : [{ type: 'secret', path: 'text', have: 'differs' }],
  apply: async (host, { path, text }) => {
    console.log('writing with', text.reveal());
    await host.run(sh\`sleep 0.3; printf %s \${text.reveal()} >\${path}\`, { doing: 'writing' });
  },
});
`;

const playbookOf = (body: string) => `${site}
export default playbook(site.play('web', ({ host, vars, groups }) => { ${body} }));
`;

const body = `
  const all = groups.web.map((peer) => peer.name).join();
  const same = vars.note.text() + vars.archive.size + all;
  return [written({ path: vars.folder + '/' + host.name, text: vars.token }), { ...written({
    path: vars.folder + '/' + host.name + '.peers', text: { reveal: () => same, toJSON: () => same },
  }) }];`;

/** An inventory of some well hosts, whose values come from everywhere. */
function lab(text = playbookOf(body), count = 4) {
  const folder = folderWith({
    key: makeKey().private,
    'note.txt': 'a note ',
    'archive.bin': 'x'.repeat(5000),
  });
  const file = (name: string) => folder.file(name);
  const well = members.filter(({ fate }) => fate === 'well').slice(0, count);
  const spoken = file('say.sh');
  writeFileSync(spoken, `#!/bin/sh\necho once >>${file('calls')}\necho spoken-secret-value\n`, {
    mode: 0o700,
  });
  const hosts = well.map(
    ({ name, port, fingerprint }) =>
      `    ${name}: { host: 127.0.0.1, port: ${port}, fingerprint: '${fingerprint}' }`,
  );
  writeFileSync(
    file('inventory.yaml'),
    `all:
  vars: { user: deploy, key: ${file('key')}, become: false, folder: ${folder.path}, calls: x }
web:
  vars:
    token: { env: WORKERS_TEST_TOKEN }
    spoken: { command: [${spoken}] }
    note: note.txt
    archive: archive.bin
  hosts:
${hosts.join('\n')}
`,
  );
  writeFileSync(file('playbook.ts'), text);
  const args = [file('playbook.ts'), '-i', file('inventory.yaml'), '-F', 'none'];
  return { folder, file, args, names: well.map(({ name }) => name) };
}

const env = { WORKERS_TEST_TOKEN: 'token-of-the-test' };

test('what comes from outside is read once, and reaches the hosts through the workers', async () => {
  const { args, file, names } = lab();
  const { exit, stdout, stderr } = await provision([...args, '--workers', '2'], { env });
  expect(exit, stderr).toBe(0);
  expect(readFileSync(file('calls'), 'utf8')).toBe('once\n');
  for (const name of names) {
    expect(readFileSync(file(name), 'utf8')).toBe('token-of-the-test');
    expect(readFileSync(file(`${name}.peers`), 'utf8')).toBe(`a note 5000${names.join()}`);
  }
  // What a step prints is told and masked; of what prints while the plan is made, nothing is told twice.
  expect(stderr.match(/writing with \*\*\*/g)).toHaveLength(names.length);
  expect(stdout + stderr).not.toContain('token-of-the-test');
});

test('a playbook that makes another plan each time is refused before any host is touched', async () => {
  const { args, file, names } = lab(
    playbookOf(
      `return [written({ path: vars.folder + '/' + host.name + Math.random(), text: vars.token })];`,
    ),
  );
  const { exit, stdout, stderr } = await provision([...args, '--workers', '2'], { env });
  expect(exit).toBe(3);
  expect(stderr).toContain('the playbook is not pure');
  expect(stdout).toBe('');
  expect(readdirSync(file('')).filter((name) => name.startsWith(names[0]!))).toEqual([]);
});

test.each(['0', '-1', '65', 'two'])('--workers %s is refused', async (count) => {
  const { exit, stdout } = await provision(['-i', 'nowhere.yaml', '--workers', count]);
  expect([exit, stdout]).toEqual([5, '']);
});

describe('a run whose end comes early', () => {
  test('the first interrupt finishes the steps under way in all workers and skips the others', async () => {
    const { args, file, names } = lab();
    let started = 0;
    const { exit, steps } = await provision([...args, '--workers', '2'], {
      env,
      onEvent(event, stop) {
        if (event.event === 'step-start' && ++started === names.length) stop('SIGINT');
      },
    });
    expect(exit).toBe(130);
    const outcomes = (status: string) => steps.filter((step) => step.status === status).length;
    expect([outcomes('changed'), outcomes('skipped')]).toEqual([names.length, names.length]);
    for (const name of names) expect(readFileSync(file(name), 'utf8')).toBe('token-of-the-test');
  });

  test('a worker that is killed fails its own hosts and no other, and the run ends', async () => {
    const { args, names } = lab();
    let killed = 0;
    const { exit, steps, summary } = await run([...args, '--workers', '2'], (event, child) => {
      if (event.event !== 'step-start' || event.host !== names[0] || killed > 0) return;
      const [worker] = childrenOf(child.pid!);
      killed = worker!;
      process.kill(worker!, 'SIGKILL');
    });
    const problems = steps.flatMap(({ host, problems: own = [] }) => own.map(({ code }) => [host, code]));
    expect(problems).toHaveLength(2);
    expect(problems.map(([, code]) => code)).toEqual(['WORKER_LOST', 'WORKER_LOST']);
    const lost = new Set(problems.map(([host]) => host));
    for (const name of names) {
      const { failed, changed } = summary!.hosts[name]!;
      expect([failed, changed]).toEqual(lost.has(name) ? [1, expect.any(Number)] : [0, 2]);
    }
    expect(exit).toBe(1);
  });

  test('workers end with a coordinator that is killed, and the next run finds the hosts free', async () => {
    const { args } = lab();
    let workers: number[] = [];
    await run([...args, '--workers', '2'], (event, child) => {
      if (event.event !== 'step-start' || workers.length > 0) return;
      workers = childrenOf(child.pid!);
      child.kill('SIGKILL');
    });
    expect(workers).toHaveLength(2);
    await vi.waitFor(() => expect(workers.filter(isAlive)).toEqual([]), { timeout: 5000 });
    const { exit, stderr } = await provision([...args, '--workers', '2', '--lock-wait', '10'], { env });
    expect(exit, stderr).toBe(0);
  });

  test('the second interrupt ends everything at once', async () => {
    const { args } = lab(playbookOf(body).replace('sleep 0.3', 'sleep 30'));
    let workers: number[] = [];
    const { exit } = await run([...args, '--workers', '2'], (event, child) => {
      if (event.event !== 'step-start' || workers.length > 0) return;
      workers = childrenOf(child.pid!);
      child.kill('SIGINT');
      child.kill('SIGINT');
      setTimeout(() => child.kill('SIGINT'), 100);
    });
    expect(exit).toBe(130);
    await vi.waitFor(() => expect(workers.filter(isAlive)).toEqual([]), { timeout: 5000 });
  });
});

test('a host key that is new is accepted in a worker, told once, and stored once', async () => {
  const { args, file, names } = lab();
  const home = folderWith({}).path;
  const text = readFileSync(file('inventory.yaml'), 'utf8').replace(/, fingerprint: '[^']+'/g, '');
  writeFileSync(file('inventory.yaml'), text);
  const refused = await provision([...args, '--workers', '2'], { env: { ...env, HOME: home } });
  expect(refused.exit).toBe(8);
  const { exit, stderr } = await provision([...args, '--workers', '2', '--accept-new'], {
    env: { ...env, HOME: home },
  });
  expect(exit, stderr).toBe(0);
  expect(stderr.match(/is now stored/g)).toHaveLength(names.length);
  const stored = readFileSync(join(home, '.ssh', 'known_hosts'), 'utf8')
    .trim()
    .split('\n');
  expect(stored).toHaveLength(names.length);
  expect(existsSync(file(names[0]!))).toBe(true);
});

describe('a run in slices', () => {
  test('is one report after the merge, and an empty slice is a success', async () => {
    const { args, file, names } = lab();
    const outputs: string[] = [];
    for (const index of [1, 2, 3, 4, 5]) {
      const { exit, stdout, stderr, summary } = await provision([...args, '--slice', `${index}/5`], { env });
      expect(exit, stderr).toBe(0);
      expect(Object.keys(summary!.hosts)).toHaveLength(index === 5 ? 0 : 1);
      if (index === 5) expect(stderr).toContain('slice 5 of 5 has no hosts');
      outputs.push(file(`slice-${index}.jsonl`));
      writeFileSync(outputs.at(-1)!, stdout);
    }
    const merged = await provision(['report', 'merge', ...outputs, '-o', file('whole.jsonl')]);
    expect(merged.exit, merged.stderr).toBe(0);
    expect(Object.entries(merged.summary!.hosts).map(([name, { changed }]) => [name, changed])).toEqual(
      names.map((name) => [name, 2]),
    );
    expect(readFileSync(file('whole.jsonl'), 'utf8')).toBe(merged.stdout);
    const missing = await provision(['report', 'merge', ...outputs.slice(1)]);
    expect(missing).toMatchObject({ exit: 3, stdout: '' });
    expect(missing.stderr).toContain('slice 1 of 5 is missing');
    const onto = await provision(['report', 'merge', ...outputs, '-o', outputs[0]!]);
    expect(onto.exit).toBe(5);
  });

  test.each(['0/3', '4/3', 'x', '1/0', '1', '-1/3', '1/3/4'])('--slice %s is refused', async (slice) => {
    const { exit, stdout, stderr } = await provision(['-i', 'nowhere.yaml', `--slice=${slice}`]);
    expect([exit, stdout]).toEqual([5, '']);
    expect(stderr).toContain('1/3, 2/3 or 3/3');
  });
});

interface Run {
  readonly exit: number | null;
  readonly steps: readonly StepEvent[];
  readonly summary: (RunEvent & { readonly event: 'summary' }) | undefined;
}

/** A run that may be ended by force. */
async function run(
  args: readonly string[],
  onEvent: (event: RunEvent, child: ChildProcess) => void,
): Promise<Run> {
  const child = spawn(process.execPath, [program, ...args, '--output', 'jsonl'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...env },
  });
  const events: RunEvent[] = [];
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (text + chunk).split('\n');
    text = lines.pop()!;
    for (const line of lines) {
      events.push(JSON.parse(line) as RunEvent);
      onEvent(events.at(-1)!, child);
    }
  });
  const exit = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    exit,
    steps: events.filter((event): event is StepEvent => event.event === 'step'),
    summary: events.find((event) => event.event === 'summary'),
  };
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
}

function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
