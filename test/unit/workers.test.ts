import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunEvent, StepEvent } from 'provision';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Crowd, startCrowd } from '../hosts/scale/crowd.ts';
import type { Fate, Member } from '../hosts/scale/fates.ts';
import { folderWith, provision } from '../hosts/support/provision.ts';
import { body, env, playbookOf, toldOf, workerLab, type Told } from '../support/worker-lab.ts';

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

async function told(crowd: Crowd, ...more: readonly string[]): Promise<Told> {
  const { result } = await crowd.run(...more);
  return toldOf(result, crowd.folder);
}

test('what comes from outside is read once, and reaches the hosts through the workers', async () => {
  const { args, file, names } = workerLab(members);
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
  const { args, file, names } = workerLab(
    members,
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
    const { args, file, names } = workerLab(members);
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
    const { args, names } = workerLab(members);
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
    const { args } = workerLab(members);
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
    const { args } = workerLab(members, playbookOf(body).replace('sleep 0.3', 'sleep 30'));
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
  const { args, file, names } = workerLab(members);
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
    const { args, file, names } = workerLab(members);
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
