import { describe, expect, test } from 'vitest';
import { ProvisionError } from '../core/errors.ts';
import type { RunEvent, StepEvent } from '../core/event.ts';
import { createPlan, type Plan } from '../core/plan.ts';
import { inventory, playbook } from '../core/play.ts';
import { requirement } from '../core/requirement.ts';
import { resource } from '../core/resource.ts';
import { MemoryHost } from '../host/memory-host.ts';
import { systemClock, type Clock } from './clock.ts';
import { unitVersion, type Executor, type WorkUnit } from './executor.ts';
import { LocalExecutor, type Connect } from './local-executor.ts';

/** Makes an executor for a plan, on hosts that are opened by `connect`. */
export type MakeExecutor = (plan: Plan, connect: Connect, clock: Clock) => Executor;

/** What every executor promises to the coordinator; call it inside the test file of one. */
export function testExecutorContract(name: string, make: MakeExecutor): void {
  describe(`${name}, as every executor`, () => {
    test('tells each step of a unit in order, with the problem of the one that failed as data', async () => {
      const events = await new Lab(make).run(play('a'));
      expect(events.filter(({ event }) => event === 'step')).toEqual(eventsOfPlay('a'));
    });

    test('tells the same as the local one, event by event', async () => {
      for (const unit of [requirements('a'), play('a'), play('gone')]) {
        const events = await new Lab(make).run(unit);
        const local = await new Lab((...given) => new LocalExecutor(...given)).run(unit);
        expect(events.map(withoutTime)).toEqual(local.map(withoutTime));
      }
    });

    test('gives events that JSON leaves as they are', async () => {
      const events = await new Lab(make).run(play('a'));
      expect(events.length).toBeGreaterThan(3);
      expect(JSON.parse(JSON.stringify(events))).toEqual(events);
    });

    test('tells of a host that cannot be reached as a failed step', async () => {
      const [event, ...more] = await new Lab(make).run(play('gone'));
      expect(more).toEqual([]);
      expect(event).toMatchObject({
        event: 'step',
        step: 'connect',
        status: 'failed',
        problems: [{ code: 'DNS' }],
      });
    });

    test('opens a host once, whatever the number of its units', async () => {
      const lab = new Lab(make);
      await lab.run(requirements('a'), play('a'), play('a'));
      expect(lab.log.filter((entry) => entry === 'a: opened')).toHaveLength(1);
    });

    test('refuses units of another version, of another plan and of unknown hosts, and touches nothing', async () => {
      const lab = new Lab(make);
      const next = { ...play('a'), v: unitVersion + 1 } as unknown as WorkUnit;
      const strange: WorkUnit = { ...play('a'), unitId: 'play 7/a', phase: { type: 'play', index: 7 } };
      for (const unit of [next, strange, play('unheard-of')]) {
        const events = await lab.run(unit);
        expect(events).toMatchObject([{ event: 'step', status: 'failed' }]);
        expect((events[0] as StepEvent).problems).toHaveLength(1);
      }
      expect(lab.log.filter((entry) => !entry.endsWith('opened'))).toEqual([]);
    });

    test('skips every step of a unit that comes after the stop', async () => {
      const lab = new Lab(make);
      lab.stop.abort(130);
      const events = await lab.run(play('a'));
      expect(events.map((event) => (event as StepEvent).status)).toEqual(['skipped', 'skipped', 'skipped']);
      expect(lab.log).toEqual([]);
    });

    test('finishes the step under way when it is stopped, and starts no other', async () => {
      const lab = new Lab(make, (event) => {
        if (event.event === 'step-start' && event.step === 'thing first') lab.stop.abort(130);
      });
      const events = await lab.run(play('a'));
      const steps = events.filter((event): event is StepEvent => event.event === 'step');
      expect(steps.map(({ step, status }) => `${step}: ${status}`)).toEqual([
        'thing first: changed',
        'thing second: skipped',
        'thing third: skipped',
      ]);
    });

    test('ends all sessions when it is closed, and closes without any', async () => {
      const lab = new Lab(make);
      await lab.run(play('a'), play('b'));
      await lab.executor.close();
      expect(lab.log.filter((entry) => entry.endsWith('closed')).sort()).toEqual(['a: closed', 'b: closed']);
      await new Lab(make).executor.close();
    });
  });
}

/** Hosts a and b, and one that is gone; each has one play of three steps of which the second fails. */
export class Lab {
  readonly log: string[] = [];
  readonly stop = new AbortController();
  readonly plan: Plan;
  readonly executor: Executor;
  readonly #onEvent: (event: RunEvent) => void;

  constructor(make: MakeExecutor, onEvent: (event: RunEvent) => void = () => undefined) {
    this.#onEvent = onEvent;
    this.plan = createPlan(this.#playbook(), { groups: new Map([['node', ['a', 'b', 'gone'].map(hostOf)]]) });
    const connect: Connect = async (name, progress) => {
      this.log.push(`${name}: opened`);
      if (name === 'gone') throw new ProvisionError({ code: 'DNS', host: name, happened: 'no such name' });
      const host = new MemoryHost({ name });
      host.progress = progress;
      return { host, close: async () => void this.log.push(`${name}: closed`) };
    };
    this.executor = make(this.plan, connect, systemClock);
  }

  async run(...units: readonly WorkUnit[]): Promise<RunEvent[]> {
    const events: RunEvent[] = [];
    for (const unit of units) {
      for await (const event of this.executor.run(unit, this.stop.signal)) {
        events.push(event);
        this.#onEvent(event);
      }
    }
    return events;
  }

  #playbook() {
    const applied = new Set<string>();
    const thing = resource({
      kind: 'thing',
      want: (props: { name: string }) => props,
      id: ({ name }) => name,
      read: async (host, { name }) => (applied.has(`${host.name} ${name}`) ? { name } : undefined),
      apply: async (host, { name }) => {
        this.log.push(`${host.name}: ${name}`);
        host.progress(`making ${name}`);
        // The stop has the time to arrive, wherever it comes from.
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (name === 'second') throw new ProvisionError({ code: 'DISK_FULL', happened: 'no space is left' });
        applied.add(`${host.name} ${name}`);
      },
    });
    const shell = requirement({
      name: 'shell',
      rule: 'a shell',
      check: async () => ({ level: 'pass', figure: 'sh' }),
    });
    return playbook(
      inventory({ node: {} }).play('node', () => [
        shell,
        ...['first', 'second', 'third'].map((name) => thing({ name })),
      ]),
    );
  }
}

function hostOf(name: string) {
  return { name, address: `${name}.test`, vars: new Map([['node', {}]]) };
}

export function play(host: string): WorkUnit {
  return unit(host, { type: 'play', index: 0 }, `play 0/${host}`);
}

export function requirements(host: string): WorkUnit {
  return unit(host, { type: 'requirements' }, `requirements/${host}`);
}

function unit(host: string, phase: WorkUnit['phase'], unitId: string): WorkUnit {
  return {
    v: unitVersion,
    unitId,
    host,
    phase,
    mode: 'apply',
    skipRequirements: [],
    leftOut: {},
    pendingChanges: false,
  };
}

function eventsOfPlay(host: string): unknown[] {
  const step = (id: string, more: object): unknown =>
    expect.objectContaining({ host, play: 'node', step: `thing ${id}`, ...more });
  return [
    step('first', { status: 'changed' }),
    step('second', { status: 'failed', problems: [expect.objectContaining({ code: 'DISK_FULL', host })] }),
    step('third', { status: 'skipped' }),
  ];
}

function withoutTime(event: RunEvent): object {
  return event.event === 'step' ? { ...event, ms: 0 } : event;
}
