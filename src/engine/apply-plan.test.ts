import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { action, onChange } from '../core/action.ts';
import type { StepEvent } from '../core/event.ts';
import type { Plan } from '../core/plan.ts';
import { resource } from '../core/resource.ts';
import { sh } from '../core/script.ts';
import type { ResourceStep, Step } from '../core/step.ts';
import { MemoryHost } from '../host/memory-host.ts';
import { systemClock } from './clock.ts';
import { LocalExecutor } from './local-executor.ts';
import { expectedSteps } from './plan-guard.ts';
import { runPlan } from './run-plan.ts';
import { Seal } from './seal.ts';

/** A text that also says what a further file shall hold, as a package brings files that later steps manage. */
const note = resource({
  kind: 'note',
  want: (props: { path: string; text: string; brings?: string; onApply?: () => void }) => props,
  id: ({ path }) => path,
  read: async (host, { path }) => {
    const text = await host.readFile(path);
    return text === undefined ? undefined : { text };
  },
  diff: (have, { text }) =>
    have?.text === text
      ? []
      : [{ type: 'value', path: 'text', want: text, ...(have && { have: have.text }) }],
  apply: async (host, { path, text, brings, onApply }) => {
    await host.writeFile(path, text, { mode: '0644' });
    if (brings !== undefined) await host.writeFile(brings, 'brought', { mode: '0644' });
    onApply?.();
  },
});

const reload = action({
  kind: 'reload',
  id: (name: string) => name,
  run: async (host, name) => void (await host.run(sh`reload ${name}`)),
});

const salt = 'salt';

function hostWith(files: Readonly<Record<string, string>>): MemoryHost {
  const host = new MemoryHost({ name: 'a' });
  for (const [path, text] of Object.entries(files)) host.file(path, text);
  return host
    .answer(/^\[ -e .*\/due\//, { code: 1 })
    .answer(/\/due/, '')
    .answer(/^reload/, '');
}

/** A plan of these steps, made on one host and applied on another, which may have moved since. */
async function planAndApply(steps: readonly Step[], before: MemoryHost, after: MemoryHost) {
  const plan: Plan = {
    plays: [{ name: 'p', group: 'g', hosts: [{ host: 'a', steps, notes: [] }], dependsOn: [] }],
  };
  const run = async (host: MemoryHost, more: Partial<Parameters<typeof runPlan>[1]>) => {
    const events: StepEvent[] = [];
    const executor = new LocalExecutor(
      plan,
      async () => ({ host, close: async () => undefined }),
      systemClock,
    );
    const { exit } = await runPlan(plan, {
      mode: 'check',
      executor,
      listener: (event) => event.event === 'step' && events.push(event),
      clock: systemClock,
      signal: new AbortController().signal,
      salt,
      ...more,
    });
    return { exit, events, statuses: events.map(({ step, status }) => `${step}: ${status}`) };
  };
  const checked = await run(before, {});
  const found = checked.events.map(({ step: id, changes = [], precondition }) => ({
    id,
    changes,
    ...(precondition !== undefined && { precondition }),
  }));
  const expected = await expectedSteps(found, new Seal(plan, salt));
  return { checked, ...(await run(after, { mode: 'apply', expected: () => expected })) };
}

describe('a plan that is applied', () => {
  test('does what it shows, also where an earlier step has made what a later one finds', async () => {
    const steps = [
      note({ path: '/package', text: 'installed', brings: '/conf' }),
      note({ path: '/conf', text: 'mine' }),
    ];
    const { checked, statuses, exit } = await planAndApply(steps, hostWith({}), hostWith({}));
    expect(checked.statuses).toEqual(['note /package: would-change', 'note /conf: would-change']);
    expect(statuses).toEqual(['note /package: changed', 'note /conf: changed']);
    expect(exit).toBe(0);
  });

  test('stops before a step whose host has moved in between, and leaves it and all after it alone', async () => {
    const host = hostWith({ '/a': 'moved' });
    const steps = [note({ path: '/a', text: 'new' }), note({ path: '/b', text: 'new' })];
    const { statuses, exit, events } = await planAndApply(steps, hostWith({}), host);
    expect(statuses).toEqual(['note /a: failed', 'note /b: skipped']);
    expect(events[0]!.problems![0]).toMatchObject({ code: 'STALE_PLAN', host: 'a', step: 'note /a' });
    expect(exit).toBe(9);
    expect(host.writes).toEqual([]);
  });

  test('does not change what it has shown as right, whatever has come of it since', async () => {
    const host = hostWith({ '/b': 'right' });
    const steps = [
      note({ path: '/a', text: 'new', onApply: () => void host.file('/b', 'wrong') }),
      note({ path: '/b', text: 'right' }),
    ];
    const { statuses, exit } = await planAndApply(steps, hostWith({ '/b': 'right' }), host);
    expect(statuses).toEqual(['note /a: changed', 'note /b: failed']);
    expect(exit).toBe(9);
    expect(await host.readFile('/b')).toBe('wrong');
  });

  test('does an action that it shows', async () => {
    const conf = note({ path: '/conf', text: 'new' });
    const { checked, statuses } = await planAndApply(
      [conf, onChange(conf, reload('web'))],
      hostWith({}),
      hostWith({}),
    );
    expect(checked.events[1]!.effects).toEqual([{ type: 'reload', what: 'web' }]);
    expect(statuses).toEqual(['note /conf: changed', 'on change reload web: changed']);
  });
});

const paths = ['/a', '/b', '/c', '/d'];
const texts = fc.constantFrom('1', '2', '3');
const filesOf = fc.dictionary(fc.constantFrom(...paths), texts);
const stepsOf = fc
  .uniqueArray(fc.record({ path: fc.constantFrom(...paths), text: texts }), {
    selector: ({ path }) => path,
    minLength: 1,
  })
  .map((all): ResourceStep[] => all.map((props) => note(props)));

test('on a host that has not moved, every plan does just what it shows, and leaves nothing to change', async () => {
  await fc.assert(
    fc.asyncProperty(stepsOf, filesOf, async (steps, files) => {
      const host = hostWith(files);
      const { checked, statuses, exit } = await planAndApply(steps, hostWith(files), host);
      expect(exit).toBe(0);
      expect(statuses).toEqual(checked.statuses.map((status) => status.replace('would-change', 'changed')));
      for (const step of steps) expect(step.diff(await step.read(host))).toEqual([]);
    }),
    { numRuns: 200 },
  );
}, 60_000);

test('on a host that has moved, no plan changes a step that it was not made for', async () => {
  await fc.assert(
    fc.asyncProperty(stepsOf, filesOf, filesOf, async (steps, files, since) => {
      const host = hostWith(since);
      const { checked, events } = await planAndApply(steps, hostWith(files), host);
      const stale = events.find(({ status }) => status === 'failed');
      const wanted = checked.events.filter(({ status }) => status === 'would-change').map(({ step }) => step);
      const changed = events.filter(({ status }) => status === 'changed').map(({ step }) => step);
      expect(wanted).toEqual(expect.arrayContaining(changed));
      expect(stale?.problems?.[0]?.code ?? 'STALE_PLAN').toBe('STALE_PLAN');
    }),
    { numRuns: 200 },
  );
}, 60_000);
