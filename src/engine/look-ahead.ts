import { problemsOf } from '../core/errors.ts';
import type { Host, ReadHost } from '../core/host.ts';
import type { Observation, Step } from '../core/step.ts';
import { LimitedHost } from '../host/limited-host.ts';
import { whyDue } from './why-due.ts';

/** No further ahead than this: what was read is kept until its turn. */
const widest = 200;
/** A look at a condition ahead of its turn is ended after this: it must not keep the shell from the steps before it. */
const lookMs = 5000;

interface Surroundings {
  readonly host: Host;
  readonly losses?: (() => number) | undefined;
  readonly signal: AbortSignal;
}

/** A read that was begun before the turn of its step. */
interface Reading {
  /** Since when nothing may have happened, or it is stale. */
  readonly since: object;
  readonly losses: number | undefined;
  readonly outcome: Promise<Outcome>;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

/**
 * Reads the steps of a host ahead of their turn, many in one round trip, and gives each in its turn what a read made just
 * then would give: what was read before something changed, or before the line broke, is thrown away and read again.
 *
 * As many steps are read ahead as have gone by unchanged since the last change, and one; before the first change all of
 * them. So however changed and unchanged steps follow each other, a read that was thrown away stands for a step that went
 * by, and all reads together are at most about three a step.
 */
export class LookAhead {
  readonly #steps: readonly Step[];
  readonly #around: Surroundings;
  readonly #places: ReadonlyMap<Step, number>;
  readonly #readings = new Map<Step, Reading>();
  /** Steps whose watchers need no note to know that they are due. */
  readonly #changed = new Set<string>();
  /** Another one after each change. */
  #since = {};
  /** How many steps have gone by since the last change. */
  #unchanged = Infinity;
  #turn: Step | undefined;

  constructor(steps: readonly Step[], around: Surroundings) {
    this.#steps = steps;
    this.#around = around;
    this.#places = new Map(steps.map((step, place) => [step, place]));
  }

  /** It is the turn of this step. */
  begin(step: Step): void {
    this.#turn = step;
  }

  /** The step has ended and has changed nothing. */
  passed(): void {
    this.#unchanged++;
  }

  /** Something may change on the host now, by this step; or may have changed while it waited. */
  change(step?: Step): void {
    if (step) this.#changed.add(step.id);
    this.#since = {};
    this.#unchanged = 0;
    this.#readings.clear();
  }

  /** What `read` gives for a step in its turn: what was read ahead if that still counts. */
  async read<T>(step: Step, read: () => Promise<T>): Promise<T> {
    const ahead = this.#readings.get(step);
    this.#readings.delete(step);
    if (ahead && this.#isFresh(ahead)) {
      const outcome = await ahead.outcome;
      if (this.#isFresh(ahead) && !isOutOfTime(step, outcome) && !mayHaveCome(step, outcome)) {
        if ('error' in outcome) throw outcome.error;
        return outcome.value as T;
      }
    }
    const reading = read();
    this.#readBehind(step, this.#unchanged);
    return reading;
  }

  /** Reads a step that was changed just now, and the next one in the same round trip. */
  verify<T>(step: Step, read: () => Promise<T>): Promise<T> {
    const reading = read();
    this.readNext(step);
    return reading;
  }

  /** Begins to read the step behind this one, without waiting for it. */
  readNext(step: Step): void {
    this.#readBehind(step, 1);
  }

  /** What is being read ends with its next call to the host, and is waited for by nobody. */
  end(): void {
    this.change();
  }

  #readBehind(step: Step, count: number): void {
    if (this.#around.signal.aborted) return;
    const first = this.#places.get(step)! + 1;
    for (const next of this.#steps.slice(first, first + Math.min(widest, count))) {
      const reading = this.#readings.get(next);
      if (!reading || !this.#isFresh(reading)) this.#readAhead(next);
    }
  }

  #readAhead(step: Step): void {
    const read = this.#readerOf(step);
    if (!read) return;
    const { host, losses } = this.#around;
    const beginning = { since: this.#since, losses: losses?.() };
    const limited = new LimitedHost(host, {
      refusal: () => (this.#isFresh(beginning) ? undefined : new Error('this read is stale')),
      isWatched: () => this.#turn === step,
      timeLeft: () => timeFor(step),
    });
    const outcome = (async (): Promise<Outcome> => ({ value: await read(limited) }))();
    this.#readings.set(step, { ...beginning, outcome: outcome.catch((error: unknown) => ({ error })) });
  }

  #readerOf(step: Step): ((host: ReadHost) => Promise<unknown>) | undefined {
    switch (step.type) {
      case 'resource':
        return (host) => step.read(host);
      case 'requirement':
        return (host) => step.check(host);
      case 'onChange':
        return step.watches.some((id) => this.#changed.has(id)) ? undefined : (host) => whyDue(host, step);
      case 'condition':
        return (host) => step.observe(host);
    }
  }

  #isFresh({ since, losses }: Pick<Reading, 'since' | 'losses'>): boolean {
    return since === this.#since && losses === this.#around.losses?.();
  }
}

/** Ahead of its turn a read may have waited for those of others: its own deadline begins with its turn. */
function isOutOfTime({ deadlineMs }: Step, outcome: Outcome): boolean {
  return (
    deadlineMs !== undefined && 'error' in outcome && problemsOf(outcome.error)[0].code === 'STEP_TIMEOUT'
  );
}

/** What a condition waits for comes by itself: only that it held ahead of its turn says something. */
function mayHaveCome({ type }: Step, outcome: Outcome): boolean {
  return type === 'condition' && !('value' in outcome && (outcome.value as Observation).holds);
}

function timeFor({ type, deadlineMs = Infinity }: Step): number {
  return type === 'condition' ? Math.min(lookMs, deadlineMs) : deadlineMs;
}
