import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HostWithNotes } from '../../test/support/host-with-notes.ts';
import { action, onChange } from '../core/action.ts';
import type { RunEvent, RunMode } from '../core/event.ts';
import { createPlan } from '../core/plan.ts';
import { inventory, playbook, type Play } from '../core/play.ts';
import { resource } from '../core/resource.ts';
import { selectSteps, type StepSelection } from '../core/select-steps.ts';
import { systemClock } from './clock.ts';
import { LocalExecutor } from './local-executor.ts';
import { runPlan } from './run-plan.ts';

let host: HostWithNotes;
/** What was restarted, and whether that works. */
let restarted: string[];
let works: boolean;
beforeEach(() => {
  host = new HostWithNotes();
  host.file('/etc/app.conf', 'v1');
  [restarted, works] = [[], true];
});
afterEach(() => host[Symbol.dispose]());

const config = resource({
  kind: 'config',
  want: (props: { text: string }) => props,
  id: () => '/etc/app.conf',
  read: async (readHost) => ({ text: await readHost.readFile('/etc/app.conf') }),
  apply: (own, { text }) => own.writeFile('/etc/app.conf', text, { mode: '0644' }),
});

const restart = action({
  kind: 'restart',
  id: (name: string) => name,
  run: async (_, name) => {
    if (!works) throw new Error('it hangs');
    restarted.push(name);
  },
});

const site = inventory({ node: {} });
const playOf = (text: string, name?: string) =>
  site.play('node', () => {
    const file = config({ text });
    return name === undefined ? [file] : [file, onChange(file, restart(name))];
  });

interface Given {
  readonly mode?: RunMode;
  readonly playbook?: string;
  readonly select?: StepSelection;
}

async function run(plays: readonly [Play, ...Play[]], given: Given = {}) {
  const members = [{ name: 'node-1', address: '192.0.2.1', vars: new Map([['node', {}]]) }];
  const book = { ...playbook(playOf('')), plays };
  const plan = selectSteps(createPlan(book, { groups: new Map([['node', members]]) }), given.select ?? {});
  const events: RunEvent[] = [];
  const { exit } = await runPlan(plan, {
    mode: given.mode ?? 'apply',
    playbook: given.playbook ?? 'app.ts',
    executor: new LocalExecutor(plan, async () => ({ host, close: async () => undefined }), systemClock),
    listener: (event) => events.push(event),
    clock: systemClock,
    signal: new AbortController().signal,
  });
  return { exit, notices: events.filter((event) => event.event === 'notice') };
}

/** A run of `app.ts` that changes the file and does not come to restart `old`. */
async function leaveNote(): Promise<void> {
  works = false;
  await run([playOf('v2', 'old')]);
  works = true;
  expect(host.notes).toHaveLength(1);
}

describe('a note of an action that the playbook does not have any more', () => {
  test.each<[string, Play]>([
    ['was renamed', playOf('v2', 'new')],
    ['was removed', playOf('v2')],
  ])(
    'is told with what was due, since when and what to do, as long as it is there: it %s',
    async (_, play) => {
      await leaveNote();
      for (const mode of ['check', 'apply', 'apply'] as const) {
        const { exit, notices } = await run([play], { mode });
        expect(exit).toBe(0);
        expect(notices).toEqual([
          {
            event: 'notice',
            level: 'warning',
            host: 'node-1',
            text: expect.stringMatching(
              /^"on change restart old" is due since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, but no step of app\.ts does it any more, and it is not done: /,
            ) as string,
          },
        ]);
      }
      expect(restarted).toEqual([]);
      expect(host.notes).toHaveLength(1);
    },
  );

  test('is gone when a person does what the warning says', async () => {
    await leaveNote();
    const { notices } = await run([playOf('v2')]);
    host.remedy(/rm \/\S+$/.exec(notices[0]!.text)![0]);
    expect(host.notes).toEqual([]);
    expect((await run([playOf('v2')])).notices).toEqual([]);
  });

  test('is told too when it cannot be read', async () => {
    await leaveNote();
    for (const text of ['', 'null\n', '{"step":1}\n', '\u001b[2J']) {
      host.spoilNotes(text);
      const { exit, notices } = await run([playOf('v2')]);
      expect(exit).toBe(0);
      expect(notices).toMatchObject([
        {
          level: 'warning',
          text: expect.stringMatching(
            /^an action that its note does not name is due since an earlier run/,
          ) as string,
        },
      ]);
    }
  });

  test('is told once for a host, in however many plays it is', async () => {
    await leaveNote();
    const other = site.play('node', () => [], { name: 'other' });
    expect((await run([playOf('v2'), other, other])).notices).toHaveLength(1);
  });
});

describe('nothing is said of a note', () => {
  test('whose step does what is due', async () => {
    await leaveNote();
    expect((await run([playOf('v2', 'old')])).notices).toEqual([]);
    expect(restarted).toEqual(['old']);
  });

  test('whose step is in a later play of the same host', async () => {
    await leaveNote();
    expect((await run([playOf('v2', 'new'), playOf('v2', 'old')])).notices).toEqual([]);
    expect(restarted).toEqual(['old']);
  });

  test.each<[string, StepSelection]>([
    ['--skip', { skip: ['on change *'] }],
    ['--only', { only: ['config elsewhere'] }],
  ])('whose step is left out on purpose: %s', async (_, select) => {
    await leaveNote();
    const elsewhere = site.play('node', () => [{ ...config({ text: 'v2' }), id: 'config elsewhere' }]);
    expect((await run([elsewhere, playOf('v2', 'old')], { select })).notices).toEqual([]);
    expect([restarted, host.notes.length]).toEqual([[], 1]);
  });
});

test('a note that another playbook has left is told as news, with its name', async () => {
  await leaveNote();
  const { notices } = await run([playOf('v2')], { playbook: 'other.ts' });
  expect(notices).toMatchObject([
    {
      level: 'info',
      text: expect.stringMatching(
        /^"on change restart old" is due since \S+ for the playbook app\.ts, whose next run does it;/,
      ) as string,
    },
  ]);
});

test('the host is asked nothing more where there is no such note', async () => {
  await run([playOf('v2', 'old')]);
  const before = host.probes.length;
  await run([playOf('v2', 'old')]);
  expect(host.probes.length - before).toBe(1);
});
