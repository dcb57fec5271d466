import type { Change } from '../../src/core/change.ts';
import { ProvisionError } from '../../src/core/errors.ts';
import type { ConditionStep, OnChangeStep, ResourceStep, Step } from '../../src/core/step.ts';
import { noteOf, SimulatedHost, simulatedSteps, type World } from './simulated-host.ts';

type Outcome = Record<string, unknown>;
type Ask = (step: Step, changes: readonly Change[]) => Promise<boolean>;

/**
 * What the engine must look like from outside, written down as plainly as possible: one step after the other, each read in
 * its turn and no earlier.
 */
export async function runSequentially(
  world: World,
  mode: 'apply' | 'check',
): Promise<{ told: unknown[]; host: SimulatedHost }> {
  const host = new SimulatedHost(world);
  const run = new SequentialRun(host, simulatedSteps(host, world.steps), mode, host.asking(world));
  await run.all();
  return { told: run.told, host };
}

class SequentialRun {
  readonly told: unknown[] = [];
  readonly #host: SimulatedHost;
  readonly #steps: readonly Step[];
  readonly #mode: 'apply' | 'check';
  readonly #ask: Ask | undefined;
  readonly #changed = new Set<string>();

  constructor(host: SimulatedHost, steps: readonly Step[], mode: 'apply' | 'check', ask?: Ask) {
    this.#ask = ask;
    this.#host = host;
    this.#steps = steps;
    this.#mode = mode;
  }

  async all(): Promise<void> {
    let stopped: string | undefined;
    for (const step of this.#steps) {
      if (stopped === undefined && this.#host.stop.signal.aborted) stopped = 'interrupted before this step';
      if (stopped === undefined) stopped = await this.#one(step);
      else this.told.push(['skipped', step.id, stopped]);
    }
  }

  async #one(step: Step): Promise<string | undefined> {
    this.told.push(['started', step.id]);
    const losses = this.#host.losses;
    const counter = { tries: 0 };
    const extra = () => (counter.tries > 1 ? { tries: counter.tries } : {});
    try {
      const outcome = await this.#outcome(step, counter);
      if (outcome['status'] !== 'ok' && outcome['status'] !== 'skipped') this.#changed.add(step.id);
      this.told.push(['ended', step.id, { ...outcome, ...extra() }]);
      return undefined;
    } catch (error) {
      if (this.#host.stop.signal.aborted && this.#host.losses !== losses) {
        const reason = 'interrupted while the host was lost: the outcome of this step is unknown';
        this.told.push(['skipped', step.id, reason]);
        return 'interrupted before this step';
      }
      this.told.push(['failed', step.id, (error as Error).message, extra()]);
      return `"${step.id}" failed before`;
    }
  }

  async #outcome(step: Step, counter: { tries: number }): Promise<Outcome> {
    if (step.type === 'condition') return this.#condition(step);
    if (step.type === 'onChange') return this.#tries(step, counter, () => this.#onChange(step));
    let begun: readonly Change[] | undefined;
    return this.#tries(step, counter, () =>
      this.#resource(step as ResourceStep, begun, (changes) => (begun ??= changes)),
    );
  }

  async #tries(step: Step, counter: { tries: number }, work: () => Promise<Outcome>): Promise<Outcome> {
    const { retries, delayMs } = step.retry ?? { retries: 0, delayMs: 0 };
    for (let unconverged = 0; ;) {
      counter.tries++;
      try {
        return await this.#throughLosses(work);
      } catch (error) {
        if (!(error instanceof ProvisionError) || counter.tries > retries) throw error;
        if (error.code === 'VERIFY_FAILED' && ++unconverged > 1) throw error;
        if (error.problems[0].permanent || this.#isStopped()) throw error;
        const seconds = (delayMs * 2 ** (counter.tries - 1)) / 1000;
        const failed = `${step.id}: try ${counter.tries} of ${retries + 1} failed: ${error.problems[0].happened}`;
        this.told.push(['notice', `${failed}; trying again in ${seconds} s`]);
        await this.#host.clock.sleep(seconds * 1000);
        if (this.#isStopped()) throw error;
      }
    }
  }

  #isStopped(): boolean {
    return this.#host.stop.signal.aborted;
  }

  async #throughLosses(work: () => Promise<Outcome>): Promise<Outcome> {
    for (let repeats = 0; ; repeats++) {
      const { losses } = this.#host;
      try {
        return await work();
      } catch (error) {
        if (losses === this.#host.losses || repeats === 3 || this.#host.stop.signal.aborted) throw error;
      }
    }
  }

  async #resource(
    step: ResourceStep,
    begun: readonly Change[] | undefined,
    begin: (changes: readonly Change[]) => void,
  ): Promise<Outcome> {
    let have = await step.read(this.#host);
    let changes = step.diff(have);
    let asked = '';
    while (this.#isAsked(changes, begun) && asked !== JSON.stringify(changes)) {
      asked = JSON.stringify(changes);
      if (!(await this.#ask!(step, changes))) return this.#refused();
      have = await step.read(this.#host);
      changes = step.diff(have);
    }
    if (changes.length === 0) return begun ? { status: 'changed', changes: begun } : { status: 'ok' };
    if (this.#mode === 'check') return { status: 'would-change', changes };
    for (const other of this.#steps) {
      if (other.type === 'onChange' && other.watches.includes(step.id))
        this.#host.notes.add(noteOf(other.id));
    }
    begin(changes);
    await step.apply(this.#host, have);
    const left = step.diff(await step.read(this.#host));
    if (left.length === 0) return { status: 'changed', changes: begun ?? changes };
    throw new ProvisionError({
      code: 'VERIFY_FAILED',
      happened: `the change was made, but reading again still finds a difference in ${left.map(({ path }) => path).join(', ')}`,
      hostState: 'the change may be half done',
      remedy: 'look at the host for what undoes the change, then run again',
    });
  }

  #isAsked(changes: readonly Change[], begun: readonly Change[] | undefined): boolean {
    return this.#ask !== undefined && this.#mode === 'apply' && changes.length > 0 && !begun;
  }

  #refused(): Outcome {
    const { aborted } = this.#host.stop.signal;
    const reason = aborted ? 'stopped at the question before this step' : 'not agreed to (--step)';
    return { status: 'skipped', reason };
  }

  async #onChange(step: OnChangeStep): Promise<Outcome> {
    const cause = step.watches.find((id) => this.#changed.has(id));
    const note = noteOf(step.id);
    if (cause === undefined && !this.#host.notes.has(note)) return { status: 'ok' };
    const verb = this.#mode === 'check' ? 'would change' : 'changed';
    const have = cause === undefined ? 'due since an earlier run' : `${cause} ${verb}`;
    const changes = [{ type: 'value' as const, path: 'due', have, want: step.action.id }];
    if (this.#mode === 'check')
      return {
        status: 'would-change',
        changes,
        effects: [{ type: 'run', what: step.action.id }],
      };
    if (this.#ask && !(await this.#ask(step, changes))) return this.#refused();
    await step.action.run(this.#host);
    this.#host.notes.delete(note);
    return { status: 'changed', changes };
  }

  async #condition(step: ConditionStep): Promise<Outcome> {
    if (this.#mode === 'check' && this.#changed.size > 0)
      return { status: 'skipped', reason: 'known after apply: an earlier step would change first' };
    const { clock } = this.#host;
    const started = clock.now();
    const fail = (code: 'CONDITION_FAILED' | 'CONDITION_TIMEOUT', happened: string) =>
      new ProvisionError({ code, happened, hostState: 'this step changes nothing', remedy: step.remedy });
    for (;;) {
      const { holds, saw } = await step.observe(this.#host);
      if (holds) return { status: 'ok', figure: saw };
      if (this.#mode === 'check') throw fail('CONDITION_FAILED', `it does not hold: ${saw}`);
      if (clock.now() - started >= step.timeoutMs)
        throw fail('CONDITION_TIMEOUT', `not within ${step.timeoutMs / 1000} s; last seen: ${saw}`);
      if (this.#host.stop.signal.aborted) return { status: 'skipped', reason: 'interrupted while waiting' };
      await clock.sleep(step.intervalMs);
    }
  }
}
