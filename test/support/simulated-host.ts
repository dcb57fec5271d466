import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { Change } from '../../src/core/change.ts';
import { ProvisionError } from '../../src/core/errors.ts';
import type { ReadHost } from '../../src/core/host.ts';
import { sh } from '../../src/core/script.ts';
import type { ResourceStep, Step } from '../../src/core/step.ts';
import { MemoryHost } from '../../src/host/memory-host.ts';
import { rememberDueNotes } from './remember-due-notes.ts';

/** One step over the cells of a simulated host. */
export type StepSpec =
  | {
      readonly type: 'resource';
      /** The cell that it sets to `want` plus what the cells that it depends on hold, modulo 5. */
      readonly cell: number;
      readonly want: number;
      readonly dependsOn: readonly number[];
      /** How many turns of the event loop its read takes besides. */
      readonly hops: number;
      /** The read fails as long as this cell holds this. */
      readonly unreadable?: { readonly cell: number; readonly value: number };
      /** How its first apply fails: before or after it has written, or without an error. */
      readonly fails?: 'before' | 'after' | 'silently';
      /** That it fails with, how often. */
      readonly failures?: number;
      readonly permanent?: boolean;
      /** A cell that an apply raises by one besides. */
      readonly raises?: number;
      readonly retries?: number;
      /** The line breaks during its first apply, before or after it has written. */
      readonly breaks?: 'before' | 'after';
      /** A person interrupts while it is applied. */
      readonly interrupts?: boolean;
    }
  | {
      readonly type: 'condition';
      readonly cell: number;
      readonly value: number;
      /** This cell is raised by one in each pause, whoever waits: what is waited for comes by itself. */
      readonly moves: number;
      /** It cannot be looked at as long as this cell holds this. */
      readonly unreadable?: { readonly cell: number; readonly value: number };
      /** A person interrupts in the pause with this number. */
      readonly interruptsIn?: number;
    }
  | {
      readonly type: 'onChange';
      /** Of the steps before it that are resources, by their place among all. */
      readonly watches: readonly number[];
      readonly sets: number;
      readonly fails?: boolean;
      readonly retries?: number;
      readonly breaks?: 'before' | 'after';
    };

export interface World {
  readonly cells: readonly number[];
  readonly steps: readonly StepSpec[];
  /** Places of steps whose note an earlier run has left. */
  readonly dueBefore: readonly number[];
  /** Who is asked before each change; absent: nobody. */
  readonly person?: Person;
}

/** Somebody who is asked before each change. */
export interface Person {
  /** In the order of the questions; yes to all that follow. */
  readonly answers: readonly ('yes' | 'no' | 'quit')[];
  /** A cell that is raised by one while they think of these. */
  readonly moves?: number;
}

export const idOf = (place: number, spec: StepSpec): string => `${spec.type} ${place}`;

export const noteOf = (id: string): string => createHash('sha256').update(id).digest('hex').slice(0, 16);

/** Counts what goes wrong. */
class Mishaps {
  readonly #left = new Map<string, number>();

  /** Whether this happens now, having been asked for so many times. */
  strikes(what: string, times: number): boolean {
    const left = this.#left.get(what) ?? times;
    this.#left.set(what, left - 1);
    return left > 0;
  }
}

/** Cells that steps read and write; whatever is written is noted with the notes that stood then. */
export class SimulatedHost extends MemoryHost {
  readonly cells: number[];
  readonly notes: Set<string>;
  readonly history: string[] = [];
  readonly stop = new AbortController();
  readonly mishaps = new Mishaps();
  readonly questions: string[] = [];
  losses = 0;
  reads = 0;
  #now = 0;
  #pauses = 0;
  readonly #waitedFor: readonly (StepSpec & { type: 'condition' })[];
  readonly clock = {
    now: () => this.#now,
    sleep: async (ms: number) => {
      this.#now += ms;
      this.#pauses++;
      for (const { moves, interruptsIn } of this.#waitedFor) {
        this.cells[moves] = (this.cells[moves]! + 1) % 5;
        if (interruptsIn === this.#pauses) this.stop.abort(130);
      }
    },
  };

  constructor({ cells, steps, dueBefore }: World) {
    super({ name: 'simulated' });
    this.cells = [...cells];
    this.#waitedFor = steps.filter((step) => step.type === 'condition');
    this.notes = new Set(dueBefore.map((place) => noteOf(idOf(place, steps[place]!))));
    rememberDueNotes(this, { notes: this.notes });
    this.answer(/^cell /, (script) => String(this.cells[Number(script.split(' ')[1])]));
  }

  set(cell: number, value: number, by: string): void {
    this.cells[cell] = value;
    this.history.push(`${by}: ${cell} = ${value}, due: ${[...this.notes].sort().join()}`);
  }

  /** How the person of this world answers; undefined where nobody is asked. */
  asking({ person }: World): ((step: Step, changes: readonly Change[]) => Promise<boolean>) | undefined {
    if (!person) return undefined;
    return async ({ id }, changes) => {
      const given = person.answers[this.questions.length];
      const answer = given ?? 'yes';
      this.questions.push(`${id}: ${JSON.stringify(changes)} ${answer}`);
      const { moves } = person;
      if (given && moves !== undefined) this.set(moves, (this.cells[moves]! + 1) % 5, 'somebody else');
      if (answer === 'quit') this.stop.abort(130);
      return answer === 'yes';
    };
  }
}

/** The steps that an engine is given. */
export function simulatedSteps(host: SimulatedHost, specs: readonly StepSpec[]): Step[] {
  return specs.map((spec, place) => stepOf(host, spec, place, specs));
}

function stepOf(host: SimulatedHost, spec: StepSpec, place: number, specs: readonly StepSpec[]): Step {
  const id = idOf(place, spec);
  const base = { id, at: [] };
  switch (spec.type) {
    case 'resource':
      return resourceOf(host, spec, id);
    case 'condition':
      return {
        ...base,
        type: 'condition',
        kind: 'condition',
        observe: async (readHost) => {
          host.reads++;
          const saw = await cellOf(readHost, spec.cell);
          await refuseUnreadable(readHost, spec, id);
          return { holds: saw === spec.value, saw: String(saw) };
        },
        timeoutMs: 3000,
        intervalMs: 1000,
        remedy: 'none',
      };
    case 'onChange':
      return {
        ...base,
        type: 'onChange',
        watches: spec.watches.map((watched) => idOf(watched, specs[watched]!)),
        action: {
          kind: 'act',
          id: `act ${place}`,
          run: async () => act(host, spec, id),
        },
        ...(spec.retries !== undefined && { retry: { retries: spec.retries, delayMs: 1000 } }),
      };
  }
}

function resourceOf(host: SimulatedHost, spec: StepSpec & { type: 'resource' }, id: string): ResourceStep {
  return {
    id,
    at: [],
    type: 'resource',
    kind: 'cell',
    want: spec,
    read: async (readHost) => {
      host.reads++;
      const values = [];
      for (const cell of [spec.cell, ...spec.dependsOn]) values.push(await cellOf(readHost, cell));
      for (let hop = 0; hop < spec.hops; hop++) await new Promise((resolve) => setImmediate(resolve));
      await refuseUnreadable(readHost, spec, id);
      return values;
    },
    diff: (have) => changesOf(spec, have as number[]),
    precondition: (have) => have,
    effects: () => [],
    apply: async (_, have) => applyCell(host, spec, id, have as number[]),
    ...(spec.retries !== undefined && { retry: { retries: spec.retries, delayMs: 1000 } }),
  };
}

function changesOf(spec: StepSpec & { type: 'resource' }, [have, ...others]: readonly number[]) {
  const want = others.reduce((sum, each) => sum + each, spec.want) % 5;
  return have === want ? [] : [{ type: 'value' as const, path: 'cell', have: have!, want }];
}

/** One apply, with all that may go wrong in it. */
function applyCell(
  host: SimulatedHost,
  spec: StepSpec & { type: 'resource' },
  id: string,
  have: readonly number[],
): void {
  const [change] = changesOf(spec, have);
  if (spec.interrupts) host.stop.abort(130);
  const isLost = spec.breaks !== undefined && host.mishaps.strikes(`${id} line`, 1);
  const fails = spec.fails !== undefined && host.mishaps.strikes(`${id} fails`, spec.failures ?? 1);
  if (isLost && spec.breaks === 'before') throw lost(host);
  if (fails && spec.fails === 'before') throw failure(`${id} failed`, spec.permanent);
  if (spec.raises !== undefined) host.set(spec.raises, (host.cells[spec.raises]! + 1) % 5, id);
  if (!(fails && spec.fails === 'silently')) host.set(spec.cell, change!.want, id);
  if (isLost) throw lost(host);
  if (fails && spec.fails === 'after') throw failure(`${id} failed`, spec.permanent);
}

/** One action, with all that may go wrong in it. */
function act(host: SimulatedHost, spec: StepSpec & { type: 'onChange' }, id: string): void {
  const isLost = spec.breaks !== undefined && host.mishaps.strikes(`${id} line`, 1);
  if (isLost && spec.breaks === 'before') throw lost(host);
  if (spec.fails && host.mishaps.strikes(`${id} fails`, 1)) throw failure(`${id} failed`);
  host.set(spec.sets, (host.cells[spec.sets]! + 1) % 5, id);
  if (isLost) throw lost(host);
}

function lost(host: SimulatedHost): ProvisionError {
  host.losses++;
  return new ProvisionError({ code: 'CONN_LOST', happened: 'the line broke' });
}

function failure(happened: string, permanent = false): ProvisionError {
  return new ProvisionError({ code: 'COMMAND_FAILED', happened, ...(permanent && { permanent: true }) });
}

async function refuseUnreadable(
  host: ReadHost,
  { unreadable }: Pick<StepSpec & { type: 'resource' }, 'unreadable'>,
  id: string,
): Promise<void> {
  if (unreadable && (await cellOf(host, unreadable.cell)) === unreadable.value)
    throw failure(`${id} cannot be read`);
}

async function cellOf(host: ReadHost, cell: number): Promise<number> {
  return Number((await host.probe(sh`cell ${cell}`)).stdout);
}

const cellCount = 5;
const cell = fc.nat(cellCount - 1);
const value = fc.nat(4);
const rarely = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 4 });

/** Somebody who says no now and then, and a host that may move while they think. */
export function people(): fc.Arbitrary<Person> {
  const answer = fc.oneof(
    { weight: 4, arbitrary: fc.constant('yes' as const) },
    { weight: 4, arbitrary: fc.constant('no' as const) },
    { weight: 1, arbitrary: fc.constant('quit' as const) },
  );
  return fc.record(
    { answers: fc.array(answer, { maxLength: 12 }), moves: cell },
    { requiredKeys: ['answers'] },
  );
}

/** Worlds of up to twelve steps that depend on each other through five cells. */
export function stepSpecs(): fc.Arbitrary<World> {
  const resource = fc.record({
    type: fc.constant('resource' as const),
    cell,
    want: value,
    dependsOn: fc.array(cell, { maxLength: 2 }),
    hops: fc.nat(3),
    unreadable: rarely(fc.record({ cell, value })),
    fails: rarely(fc.constantFrom('before' as const, 'after' as const, 'silently' as const)),
    failures: fc.nat(3),
    permanent: fc.boolean(),
    raises: rarely(cell),
    retries: rarely(fc.integer({ min: 1, max: 3 })),
    breaks: rarely(fc.constantFrom('before' as const, 'after' as const)),
    interrupts: fc.integer({ min: 0, max: 19 }).map((dice) => dice === 0),
  });
  const condition = fc.record({
    type: fc.constant('condition' as const),
    cell,
    value,
    moves: cell,
    unreadable: rarely(fc.record({ cell, value })),
    interruptsIn: rarely(fc.integer({ min: 1, max: 4 })),
  });
  const onChange = fc.record({
    type: fc.constant('onChange' as const),
    watches: fc.array(fc.nat(11), { minLength: 1, maxLength: 3 }),
    sets: cell,
    fails: fc.boolean(),
    retries: rarely(fc.integer({ min: 1, max: 2 })),
    breaks: rarely(fc.constantFrom('before' as const, 'after' as const)),
  });
  const anyStep = fc.oneof(
    { weight: 5, arbitrary: resource },
    { weight: 1, arbitrary: condition },
    { weight: 2, arbitrary: onChange },
  );
  return fc
    .record({
      cells: fc.array(value, { minLength: cellCount, maxLength: cellCount }),
      steps: fc.array(anyStep, { minLength: 1, maxLength: 12 }),
      due: fc.array(fc.nat(11), { maxLength: 3 }),
    })
    .map(({ cells, steps, due }) => ({
      cells,
      steps: steps.map((spec, place) => withoutStrangers(spec, place, steps)),
      dueBefore: [...new Set(due)].filter((place) => steps[place]?.type === 'onChange'),
    }));
}

/** A step can only watch resources that stand before it. */
function withoutStrangers(spec: object, place: number, steps: readonly { type: string }[]): StepSpec {
  const given = Object.entries(spec).filter(([, each]) => each !== undefined);
  const own = Object.fromEntries(given) as unknown as StepSpec;
  if (own.type !== 'onChange') return own;
  const isWatchable = (other: number) => other < place && steps[other]!.type === 'resource';
  return { ...own, watches: own.watches.filter(isWatchable) };
}
