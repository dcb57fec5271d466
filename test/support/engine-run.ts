import { action } from '../../src/core/action.ts';
import { ProvisionError } from '../../src/core/errors.ts';
import type { RunEvent, StepEvent } from '../../src/core/event.ts';
import { createPlan, type Plan, type ResolvedInventory } from '../../src/core/plan.ts';
import type { Playbook } from '../../src/core/play.ts';
import { resource } from '../../src/core/resource.ts';
import { sh } from '../../src/core/script.ts';
import type { ConfirmChange } from '../../src/engine/ask-first.ts';
import type { Clock } from '../../src/engine/clock.ts';
import { LocalExecutor } from '../../src/engine/local-executor.ts';
import { runPlan, type RunOptions } from '../../src/engine/run-plan.ts';
import { MemoryHost } from '../../src/host/memory-host.ts';
import { rememberDueNotes } from './remember-due-notes.ts';

/** A text file, as the smallest resource that there is. */
export const note = resource({
  kind: 'note',
  want: (props: { path: string; text: string; onApply?: () => void }) => props,
  id: ({ path }) => path,
  read: async (host, { path }) => {
    const text = await host.readFile(path);
    return text === undefined ? undefined : { text };
  },
  diff: (have, { text }) => (have?.text === text ? [] : [{ type: 'value', path: 'text', want: text }]),
  apply: async (host, { path, text, onApply }) => {
    onApply?.();
    await host.writeFile(path, text, { mode: '0644' });
  },
});

export const reload = action({
  kind: 'reload',
  id: (name: string) => name,
  run: async (host, name) => void (await host.run(sh`reload ${name}`)),
});

/** A host that remembers notes of due actions, as a real one does. */
export function hostNamed(name: string): MemoryHost {
  return rememberDueNotes(new MemoryHost({ name })).answer(/^reload/, '');
}

/** A host on which nothing can be read. */
export function brokenHost(name: string): MemoryHost {
  const host = hostNamed(name);
  host.readFile = async () => {
    throw new ProvisionError({ code: 'STEP_FAILED', happened: 'disk on fire' });
  };
  return host;
}

const inventoryOf = (groups: Record<string, readonly string[]>): ResolvedInventory => ({
  groups: new Map(
    Object.entries(groups).map(([group, names]) => [
      group,
      names.map((name) => ({ name, address: `${name}.test`, vars: new Map([[group, {}]]) })),
    ]),
  ),
});

class FakeClock implements Clock {
  time = 0;
  now = () => this.time;
  sleep = async (ms: number) => void (this.time += ms);
}

/** A run over hosts in memory; those that are not given are made. */
export async function runOn(
  book: Playbook,
  groups: Record<string, readonly string[]>,
  {
    hosts = {},
    away = {},
    steer = (plan) => plan,
    chosen,
    confirm,
    ...options
  }: Partial<RunOptions> & {
    confirm?: ConfirmChange;
    hosts?: Record<string, MemoryHost>;
    /** Hosts that cannot be reached, and why. */
    away?: Record<string, ProvisionError>;
    steer?: (plan: Plan) => Plan;
    chosen?: readonly string[];
  } = {},
) {
  const plan = steer(createPlan(book, inventoryOf(groups), chosen && new Set(chosen)));
  const clock = new FakeClock();
  const events: RunEvent[] = [];
  const connected: string[] = [];
  const connect = async (name: string, progress: (text: string) => void) => {
    connected.push(name);
    if (away[name]) throw away[name];
    const host = (hosts[name] ??= hostNamed(name));
    host.progress = progress;
    return { host, close: async () => undefined };
  };
  const result = await runPlan(plan, {
    mode: 'apply',
    executor: new LocalExecutor(plan, connect, clock, confirm),
    listener: (event) => events.push(event),
    clock,
    signal: new AbortController().signal,
    ...options,
  });
  const steps = events.filter((event): event is StepEvent => event.event === 'step');
  const statuses = steps.map((step) => `${step.host} ${step.step}: ${step.status}`);
  return { ...result, events, steps, statuses, connected, clock, hostsInMemory: hosts };
}
