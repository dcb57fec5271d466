import type { HostSummary, Listener, PlayOutline, RunMode } from '../core/event.ts';
import type { LeftOut, Plan, PlayPlan } from '../core/plan.ts';
import type { Clock } from './clock.ts';
import { unitVersion, type Executor, type WorkUnit } from './executor.ts';
import { exitCodeOf } from './exit-code.ts';
import { HostLedger } from './host-ledger.ts';
import type { ExpectedStep } from './plan-guard.ts';
import { runPlay, skipHosts } from './run-play.ts';

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
  /** Other runs are kept away from the hosts in a check too: what it finds is to be applied. */
  readonly lock?: boolean;
  /** What the playbook is called, on any machine that runs it: a note of what is due tells a person who has left it. */
  readonly playbook?: string;
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

class Coordinator {
  readonly #plan: Plan;
  readonly #options: RunOptions;
  readonly #ledger: HostLedger;

  constructor(plan: Plan, options: RunOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#ledger = new HostLedger(plan.plays.flatMap((play) => play.hosts.map(({ host }) => host)));
  }

  async run(): Promise<RunResult> {
    const { mode, clock, listener, requirements = true } = this.#options;
    const started = clock.now();
    const { slice } = this.#plan;
    const plays = outline(this.#plan, { requirements });
    listener({ event: 'start', schema: '1.0', mode, plays, ...(slice && { slice }) });
    if (requirements) await this.#runRequirements();
    // A check goes on and shows the whole plan; a run must not touch any host when one is not fit.
    const unfit = this.#ledger.codes.has('REQUIREMENT') && mode === 'apply';
    for (const [index, play] of this.#plan.plays.entries()) {
      if (unfit) this.#skipPlay(play, 'a requirement is not met, so nothing was changed on any host');
      else await this.#runPlay(play, index);
    }
    const exit = this.#interrupted() ?? exitCodeOf(this.#ledger.codes);
    const hosts = this.#ledger.summary(mode);
    const ms = Math.round(clock.now() - started);
    listener({ event: 'summary', mode, hosts, exit, ms, notes: this.#notes() });
    return { hosts, exit };
  }

  async #runRequirements(): Promise<void> {
    const { hosts } = this.#ledger;
    this.#options.listener({ event: 'phase', name: 'requirements', hosts });
    await this.#inParallel(hosts, (host) => this.#runUnit(host, { type: 'requirements' }));
  }

  async #runPlay(play: PlayPlan, index: number): Promise<void> {
    const { mode, listener } = this.#options;
    const ledger = this.#ledger;
    this.#tellUnselected(play);
    const lacking = play.dependsOn.find((host) => ledger.failed(host) || ledger.isHeldBack(host));
    if (lacking !== undefined && mode === 'apply') {
      listener({ event: 'phase', name: play.name, hosts: play.hosts.map(({ host }) => host) });
      const fate = ledger.failed(lacking) ? 'failed' : 'was skipped';
      this.#skipPlay(play, `"${lacking}", which this play builds on, ${fate}`);
      return;
    }
    const pending = play.dependsOn.some((host) => ledger.wouldChange(host) || ledger.failed(host));
    await runPlay(play, {
      mode,
      ledger,
      listener,
      inParallel: (hosts, work) => this.#inParallel(hosts, work),
      runUnit: (host, type) =>
        this.#runUnit(
          host,
          { type, index },
          {
            pendingChanges: pending || ledger.wouldChange(host),
            ...(type === 'play' && this.#expectation(play, index, host)),
          },
        ),
    });
  }

  #expectation(play: PlayPlan, index: number, host: string): Pick<WorkUnit, 'expect'> {
    const { expected, mode } = this.#options;
    if (!expected || mode === 'check') return {};
    const untouched = [host, ...play.dependsOn].every((name) => !this.#ledger.changed(name));
    return { expect: { untouched, steps: expected(index, host) } };
  }

  async #runUnit(
    host: string,
    phase: WorkUnit['phase'],
    more: Partial<Pick<WorkUnit, 'pendingChanges' | 'expect'>> = {},
  ): Promise<void> {
    const { executor, mode, signal, skipRequirements = [], lock, playbook, salt, listener } = this.#options;
    const unit: WorkUnit = {
      v: unitVersion,
      unitId: `${phase.type === 'requirements' ? phase.type : `${phase.type} ${phase.index}`}/${host}`,
      host,
      phase,
      mode,
      skipRequirements,
      leftOut: this.#leftOut(host, phase),
      pendingChanges: false,
      ...(lock && { lock }),
      ...(playbook !== undefined && { playbook }),
      ...(salt !== undefined && { salt }),
      ...more,
    };
    for await (const event of executor.run(JSON.parse(JSON.stringify(unit)) as WorkUnit, signal)) {
      if (event.event === 'step') this.#ledger.record(event);
      listener(event);
    }
  }

  /** Of the requirements of a host, each is one step for all its plays. */
  #leftOut(host: string, phase: WorkUnit['phase']): LeftOut {
    const plays = phase.type === 'requirements' ? this.#plan.plays : [this.#plan.plays[phase.index]!];
    const own = plays.map((play) => play.hosts.find((plan) => plan.host === host)?.leftOut);
    return Object.assign({}, ...own) as LeftOut;
  }

  #tellUnselected(play: PlayPlan): void {
    const unknown = play.hosts.length === 0 ? [] : play.dependsOn.filter((host) => !this.#ledger.has(host));
    if (unknown.length === 0) return;
    const text = `play "${play.name}" builds on ${unknown.join(', ')}, which this run leaves alone: taken to be well`;
    this.#options.listener({ event: 'notice', level: 'info', text });
  }

  #skipPlay(play: PlayPlan, reason: string): void {
    const hosts = play.hosts.map(({ host }) => host);
    skipHosts(play, hosts, reason, { ledger: this.#ledger, listener: this.#options.listener });
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
    const ledger = this.#ledger;
    const done = this.#plan.plays
      .flatMap((play) => play.hosts)
      .filter(({ host }) => !ledger.failed(host) && !ledger.isHeldBack(host));
    return [...new Set(done.flatMap(({ notes }) => notes))];
  }
}

function outline(plan: Plan, { requirements }: { readonly requirements: boolean }): PlayOutline[] {
  return plan.plays.map(({ name, hosts }) => ({
    name,
    hosts: hosts.map(({ host, steps, gate = [], leftOut = {} }) => {
      const all = [...steps, ...gate].filter(({ type }) => requirements || type !== 'requirement');
      const ids = all.map(({ id }) => id);
      const without = ids.filter((id) => leftOut[id] !== undefined);
      return { host, steps: ids, ...(without.length > 0 && { leftOut: without }) };
    }),
  }));
}
