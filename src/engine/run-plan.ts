import type { ErrorCode } from '../core/errors.ts';
import type { HostSummary, Listener, RunEvent, RunMode, StepEvent } from '../core/event.ts';
import type { LeftOut, Plan, PlayPlan } from '../core/plan.ts';
import type { Clock } from './clock.ts';
import { unitVersion, type Executor, type WorkUnit } from './executor.ts';
import { exitCodeOf } from './exit-code.ts';
import type { ExpectedStep } from './plan-guard.ts';

export interface RunOptions {
  readonly mode: RunMode;
  readonly executor: Executor;
  readonly listener: Listener;
  readonly clock: Clock;
  /** Aborted: the steps that are under way are finished, no other is started. A number as its reason is the exit code. */
  readonly signal: AbortSignal;
  readonly skipRequirements?: readonly string[];
  /** False when a check has just shown that they are met. Default true. */
  readonly requirements?: boolean;
  /** How many hosts at once. Default 50. */
  readonly forks?: number;
  /** When a plan is made or applied: what its hashes are salted with. */
  readonly salt?: string;
  /** When a plan is applied: what it says of the steps of a play on a host. */
  readonly expected?: (play: number, host: string) => readonly ExpectedStep[];
}

export interface RunResult {
  readonly hosts: Readonly<Record<string, HostSummary>>;
  readonly exit: number;
}

/** Runs a plan: requirements of all hosts first, then play by play; tells everything to the listener, a summary last. */
export async function runPlan(plan: Plan, options: RunOptions): Promise<RunResult> {
  return new Coordinator(plan, options).run();
}

interface HostRecord {
  ok: number;
  changed: number;
  failed: number;
  skipped: number;
  wouldChange: number;
  leftOut: number;
}

class Coordinator {
  readonly #plan: Plan;
  readonly #options: RunOptions;
  readonly #records = new Map<string, HostRecord>();
  readonly #codes = new Set<ErrorCode>();
  readonly #unreachable = new Set<string>();

  constructor(plan: Plan, options: RunOptions) {
    this.#plan = plan;
    this.#options = options;
    for (const host of plan.plays.flatMap((play) => play.hosts)) {
      this.#records.set(host.host, { ok: 0, changed: 0, failed: 0, skipped: 0, wouldChange: 0, leftOut: 0 });
    }
  }

  async run(): Promise<RunResult> {
    const { mode, clock, listener } = this.#options;
    const started = clock.now();
    listener({ event: 'start', schema: '1.0', mode, plays: outline(this.#plan) });
    if (this.#options.requirements ?? true) await this.#runRequirements();
    // A check goes on and shows the whole plan; a run must not touch any host when one is not fit.
    const unfit = this.#codes.has('REQUIREMENT') && mode === 'apply';
    for (const [index, play] of this.#plan.plays.entries()) {
      if (unfit) this.#skipPlay(play, 'a requirement is not met, so nothing was changed on any host');
      else await this.#runPlay(play, index);
    }
    const exit = this.#interrupted() ?? exitCodeOf(this.#codes);
    const hosts = this.#summary();
    listener({
      event: 'summary',
      mode,
      hosts,
      exit,
      ms: Math.round(clock.now() - started),
      notes: this.#notes(),
    });
    return { hosts, exit };
  }

  async #runRequirements(): Promise<void> {
    const hosts = [...this.#records.keys()];
    this.#options.listener({ event: 'phase', name: 'requirements', hosts });
    await this.#inParallel(hosts, (host) => this.#runUnit(host, { type: 'requirements' }, false));
  }

  async #runPlay(play: PlayPlan, index: number): Promise<void> {
    const hosts = play.hosts.map(({ host }) => host);
    this.#options.listener({ event: 'phase', name: play.name, hosts });
    this.#tellUnselected(play);
    const failedNeed = play.dependsOn.find((host) => this.#failed(host));
    if (failedNeed !== undefined && this.#options.mode === 'apply') {
      this.#skipPlay(play, `"${failedNeed}", which this play builds on, failed`);
      return;
    }
    const pending = play.dependsOn.some((host) => this.#wouldChange(host) || this.#failed(host));
    for (let first = 0; first < hosts.length; first += play.batch) {
      await this.#inParallel(hosts.slice(first, first + play.batch), async (host) => {
        if (this.#failed(host) && this.#options.mode === 'apply')
          this.#skipHost(play, host, 'this host failed before');
        else if (this.#unreachable.has(host)) this.#skipHost(play, host, 'this host could not be reached');
        else
          await this.#runUnit(
            host,
            { type: 'play', index },
            pending || this.#wouldChange(host),
            this.#expectation(play, index, host),
          );
      });
    }
  }

  #expectation(play: PlayPlan, index: number, host: string): Pick<WorkUnit, 'expect'> {
    const { expected, mode } = this.#options;
    if (!expected || mode === 'check') return {};
    const untouched = [host, ...play.dependsOn].every(
      (name) => (this.#records.get(name)?.changed ?? 0) === 0,
    );
    return { expect: { untouched, steps: expected(index, host) } };
  }

  async #runUnit(
    host: string,
    phase: WorkUnit['phase'],
    pendingChanges: boolean,
    expectation: Pick<WorkUnit, 'expect'> = {},
  ): Promise<void> {
    const { executor, mode, signal, skipRequirements = [], salt, listener } = this.#options;
    const name = phase.type === 'play' ? `play ${phase.index}` : phase.type;
    const unit: WorkUnit = {
      v: unitVersion,
      unitId: `${name}/${host}`,
      host,
      phase,
      mode,
      skipRequirements,
      leftOut: this.#leftOut(host, phase),
      pendingChanges,
      ...(salt !== undefined && { salt }),
      ...expectation,
    };
    for await (const event of executor.run(JSON.parse(JSON.stringify(unit)) as WorkUnit, signal)) {
      if (event.event === 'step') this.#record(event);
      listener(event);
    }
  }

  #record(event: StepEvent): void {
    const record = this.#records.get(event.host)!;
    if (event.leftOut) record.leftOut++;
    else if (event.status === 'would-change') record.wouldChange++;
    else record[event.status]++;
    if (event.step === 'connect' && event.status === 'failed') this.#unreachable.add(event.host);
    for (const problem of event.problems ?? []) this.#codes.add(problem.code);
  }

  /** Of the requirements of a host, each is one step for all its plays. */
  #leftOut(host: string, phase: WorkUnit['phase']): LeftOut {
    const plays = phase.type === 'play' ? [this.#plan.plays[phase.index]!] : this.#plan.plays;
    const own = plays.flatMap((play) => play.hosts).filter((plan) => plan.host === host);
    return Object.assign({}, ...own.map(({ leftOut }) => leftOut ?? {})) as LeftOut;
  }

  /** False for a host that is no part of the run: it is taken to be well. */
  #failed(host: string): boolean {
    return (this.#records.get(host)?.failed ?? 0) > 0;
  }

  #wouldChange(host: string): boolean {
    return (this.#records.get(host)?.wouldChange ?? 0) > 0;
  }

  #tellUnselected(play: PlayPlan): void {
    const unknown = play.hosts.length === 0 ? [] : play.dependsOn.filter((host) => !this.#records.has(host));
    if (unknown.length === 0) return;
    const text = `play "${play.name}" builds on ${unknown.join(', ')}, which this run leaves alone: taken to be well`;
    this.#options.listener({ event: 'notice', level: 'info', text });
  }

  #skipPlay(play: PlayPlan, reason: string): void {
    for (const { host } of play.hosts) this.#skipHost(play, host, reason);
  }

  #skipHost(play: PlayPlan, host: string, reason: string): void {
    const { steps, leftOut = {} } = play.hosts.find((plan) => plan.host === host)!;
    for (const { id, at, type } of steps) {
      if (type === 'requirement') continue;
      const choice = leftOut[id];
      const event: StepEvent = {
        event: 'step',
        host,
        play: play.name,
        step: id,
        status: 'skipped',
        ms: 0,
        at,
        reason: choice ?? reason,
        ...(choice !== undefined && { leftOut: true }),
      };
      this.#record(event);
      this.#options.listener(event);
    }
  }

  async #inParallel(hosts: readonly string[], work: (host: string) => Promise<void>): Promise<void> {
    const waiting = [...hosts];
    const worker = async () => {
      for (let host = waiting.shift(); host !== undefined; host = waiting.shift()) await work(host);
    };
    await Promise.all(Array.from({ length: Math.min(this.#options.forks ?? 50, hosts.length) }, worker));
  }

  /** A run that was stopped must not end as one that is done, whatever its finished steps say. */
  #interrupted(): number | undefined {
    const { aborted, reason } = this.#options.signal as { aborted: boolean; reason: unknown };
    return aborted && typeof reason === 'number' ? reason : undefined;
  }

  #notes(): string[] {
    if (this.#options.mode === 'check' || this.#options.signal.aborted) return [];
    const done = this.#plan.plays.flatMap((play) => play.hosts).filter(({ host }) => !this.#failed(host));
    return [...new Set(done.flatMap(({ notes }) => notes))];
  }

  #summary(): Record<string, HostSummary> {
    const isCheck = this.#options.mode === 'check';
    const entries = [...this.#records].map(
      ([host, { wouldChange, leftOut, ...counts }]): [string, HostSummary] => [
        host,
        { ...counts, ...(isCheck && { wouldChange }), ...(leftOut > 0 && { leftOut }) },
      ],
    );
    return Object.fromEntries(entries);
  }
}

function outline(plan: Plan): (RunEvent & { event: 'start' })['plays'] {
  return plan.plays.map((play) => ({
    name: play.name,
    hosts: play.hosts.map(({ host, steps }) => ({ host, steps: steps.map((step) => step.id) })),
  }));
}
