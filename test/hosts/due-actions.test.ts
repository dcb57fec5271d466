import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { entryOf, Job } from './faults/job.ts';
import { Gate } from './kills/gate.ts';
import { openLink, type Link } from './kills/link.ts';
import { failuresOf, type ProvisionResult } from './support/provision.ts';
import { diffSnapshots } from './support/snapshot.ts';
import { startHost, type TestHost } from './support/test-host.ts';

/*
 * An action that is due after a change is never lost, wherever a run ends. Runs are held at exact places on the host and
 * ended there; then the next run does what is due, and the one after it has nothing to do.
 */

/** The action writes the file that it is for into a log: a line for each time that it was done. */
const act = `(name) => action({
  kind: 'act',
  id: (of) => of,
  run: async (host, of) => void (await host.run(sh\`pass \${'act ' + of}; cat /srv/\${of} >>/srv/done-\${of}; pass \${'acted ' + of}\`)),
})(name)`;
const conf = (name: string) => `file({ path: '/srv/${name}', content: '${name} is new\\n' })`;
const job = new Job(`(() => {
  const watched = ${conf('a.conf')};
  return [watched, onChange(watched, (${act})('a.conf'))];
})()`);
const twoJobs = new Job(`(() => {
  const [a, b] = [${conf('a.conf')}, ${conf('b.conf')}];
  return [a, b, onChange(a, (${act})('a.conf')), onChange([a, b], (${act})('b.conf'))];
})()`);

let host: TestHost;
let link: Link;
let gate: Gate;
/** A run of a test that has failed would go on beside the next one. */
let endRun = () => {};
beforeAll(async () => {
  host = await startHost({ name: 'due', restarts: true });
  link = await openLink(() => host.port);
  gate = new Gate(host);
  await gate.install();
});
afterAll(async () => {
  await link.close();
  await host.stop();
});
afterEach(() => endRun());
beforeEach(() => host.run('rm -rf /srv/* /var/lib/provision; echo old >/srv/a.conf; echo old >/srv/b.conf'));

const entries = () => ({ 'web-1': entryOf(host, link.port) });
const step = 'on change act a.conf';
const notes = async () => (await host.run('ls -A /var/lib/provision/due')).split('\n').filter(Boolean).length;
const done = async (name = 'a.conf') =>
  (await host.run(`cat /srv/done-${name} 2>/dev/null || true`)).split('\n').filter(Boolean);

/** What a host shows of a change and of the action that is due after it. */
async function seen() {
  const written = (await host.run('cat /srv/a.conf')) === 'a.conf is new\n';
  return { written, notes: await notes(), done: (await done()).length };
}

/** Why a step of a run was due, as the run told it. */
function dueBecause({ steps }: ProvisionResult, id = step): unknown {
  const event = steps.find((each) => each.step === id);
  return event?.changes?.[0]?.type === 'value' ? event.changes[0].have : event?.status;
}

interface Held {
  readonly process: number;
  readonly run: Promise<ProvisionResult | undefined>;
  readonly kill: () => void;
}

/** Starts a run that is held at a place; undefined is what becomes of one that was killed. */
async function holdAt(place: string, of = job, args: readonly string[] = []): Promise<Held> {
  await gate.arm(place);
  let end: (() => void) | undefined;
  let killed = false;
  const kill = () => {
    killed = true;
    end?.();
  };
  endRun = kill;
  const run = of
    .run(entries(), args, { onEvent: (_, stop) => (end = () => stop('SIGKILL')) })
    .catch((error: unknown) => {
      if (!killed) throw error;
      return undefined;
    });
  const ended = run.then((result) => {
    throw new Error(`the run ended before "${place}": ${result && failuresOf(result)}`);
  });
  ended.catch(() => undefined);
  const process = await Promise.race([gate.reached(), ended]);
  return { process, run, kill };
}

/** The next run does what is due, for that reason, and the one after it has nothing to do and moves nothing. */
async function expectRepaired(because: string, of = job): Promise<void> {
  const next = await of.run(entries());
  expect({ exit: next.exit, failures: failuresOf(next) }).toEqual({ exit: 0, failures: '' });
  expect(dueBecause(next)).toBe(because);
  await expectSettled(of);
}

async function expectSettled(of = job): Promise<void> {
  expect(await notes()).toBe(0);
  const before = await host.snapshot(['/srv', '/var/lib/provision']);
  const again = await of.run(entries());
  expect({ exit: again.exit, failures: failuresOf(again) }).toEqual({ exit: 0, failures: '' });
  expect(new Set(again.steps.map(({ status }) => status))).toEqual(new Set(['ok']));
  expect(diffSnapshots(before, await host.snapshot(['/srv', '/var/lib/provision']))).toEqual([]);
}

/** How the host is there, and how it is when the script that is held there has gone on to its end without the run. */
const places = [
  {
    place: 'write ./a.conf',
    what: 'after the note and before the write',
    there: { written: false, notes: 1, done: 0 },
    goneOn: { written: true, notes: 1, done: 0 },
  },
  {
    place: 'written ./a.conf',
    what: 'after the write and before the action',
    there: { written: true, notes: 1, done: 0 },
    goneOn: { written: true, notes: 1, done: 0 },
  },
  {
    place: 'act a.conf',
    what: 'at the beginning of the action',
    there: { written: true, notes: 1, done: 0 },
    goneOn: { written: true, notes: 1, done: 1 },
  },
  {
    place: 'acted a.conf',
    what: 'at the end of the action',
    there: { written: true, notes: 1, done: 1 },
    goneOn: { written: true, notes: 1, done: 1 },
  },
  {
    place: 'forget',
    what: 'after the action and before the note is removed',
    there: { written: true, notes: 1, done: 1 },
    goneOn: { written: true, notes: 0, done: 1 },
  },
];

interface End {
  readonly end: string;
  /** What was held ends its work on the host, with nobody who hears of it. */
  readonly goesOn: boolean;
  /** What the run ends with, where it does not try to reach the host again; undefined: it was killed. */
  readonly exit: number | undefined;
  readonly strike: (held: Held) => Promise<void>;
}

async function killController({ run, kill }: Held): Promise<void> {
  kill();
  await run;
}

async function killBoth(held: Held): Promise<void> {
  await killController(held);
  await gate.killConnection(held.process);
}

const ends: End[] = [
  {
    end: 'the controller is killed',
    goesOn: true,
    exit: undefined,
    async strike(held) {
      await killController(held);
      await gate.letGoOn(held.process);
    },
  },
  {
    end: 'the controller is killed, and what it runs on the host',
    goesOn: false,
    exit: undefined,
    strike: killBoth,
  },
  {
    end: 'the line is cut',
    goesOn: true,
    exit: 4,
    async strike({ process }) {
      link.cut('reset');
      await gate.letGoOn(process);
    },
  },
  {
    end: 'what it runs on the host is killed',
    goesOn: false,
    exit: 4,
    strike: ({ process }) => gate.killConnection(process),
  },
  { end: 'the host is restarted', goesOn: false, exit: 4, strike: () => host.restart() },
];

describe.each(places.map((each) => [each.what, each] as const))('%s', (_what, { place, there, goneOn }) => {
  test.each(ends.map((each) => [each.end, each] as const))(
    '%s: the next run does what is due, and says why',
    async (_end, { exit, goesOn, strike }) => {
      const held = await holdAt(place, job, ['--reconnect', '0']);
      expect(await seen()).toEqual(there);
      await strike(held);
      expect((await held.run)?.exit).toBe(exit);
      const left = goesOn ? goneOn : there;
      expect(await seen()).toEqual(left);
      const isDue = !left.written || left.notes > 0;
      const because = left.written ? 'due since an earlier run' : 'file /srv/a.conf changed';
      await expectRepaired(isDue ? because : 'ok');
      expect(await seen()).toEqual({ written: true, notes: 0, done: left.done + (isDue ? 1 : 0) });
    },
  );

  test.each(ends.filter(({ exit }) => exit !== undefined).map((each) => [each.end, each] as const))(
    '%s: the run reaches the host again, and does it itself',
    async (_end, { goesOn, strike }) => {
      const held = await holdAt(place);
      await strike(held);
      const result = await held.run;
      expect(result, result && failuresOf(result)).toMatchObject({ exit: 0 });
      expect(dueBecause(result!)).toBe('file /srv/a.conf changed');
      const before = (goesOn ? goneOn : there).done;
      expect(await seen()).toEqual({ written: true, notes: 0, done: before + 1 });
      await expectSettled();
    },
  );
});

describe('two actions that are due at once', () => {
  test.each([
    ['before the first', 'written ./b.conf', 1, 'due since an earlier run'],
    ['during the first', 'acted a.conf', 2, 'due since an earlier run'],
    ['during the second', 'acted b.conf', 1, 'ok'],
  ])('are both done by the next run, when the controller is killed %s', async (_, place, first, because) => {
    const held = await holdAt(place, twoJobs);
    expect(await notes()).toBe(because === 'ok' ? 1 : 2);
    await killBoth(held);
    const checked = await twoJobs.run(entries(), ['--check']);
    const due = [step, 'on change act b.conf'];
    expect(due.map((id) => dueBecause(checked, id))).toEqual([because, 'due since an earlier run']);
    await expectRepaired(because, twoJobs);
    expect([(await done()).length, (await done('b.conf')).length]).toEqual([
      first,
      place === 'acted b.conf' ? 2 : 1,
    ]);
  });
});

test('what a person has written before the next run is no change of it, and the action is due all the same', async () => {
  const held = await holdAt('write ./a.conf');
  await killBoth(held);
  await host.run("printf 'a.conf is new\\n' >/srv/a.conf; chmod 644 /srv/a.conf");
  const next = await job.run(entries(), ['--check']);
  expect(next.statuses).toEqual(['web-1 file /srv/a.conf: ok', `web-1 ${step}: would-change`]);
  await expectRepaired('due since an earlier run');
  expect(await done()).toEqual(['a.conf is new']);
});
