import type { Listener, RunMode, StepEvent } from '../core/event.ts';
import type { HostPlan, PlayPlan } from '../core/plan.ts';
import { batchesOf, toleratedFailures, type Batch } from '../core/rollout.ts';
import type { HostLedger } from './host-ledger.ts';

/** What a play needs of the run that it is part of. */
export interface PlaySurroundings {
  readonly mode: RunMode;
  readonly ledger: HostLedger;
  readonly listener: Listener;
  /** Brings the steps of the play, or its gate, on one host to their end. */
  readonly runUnit: (host: string, type: 'play' | 'gate') => Promise<void>;
  /** Does work on hosts, as many at a time as the run allows. */
  readonly inParallel: (hosts: readonly string[], work: (host: string) => Promise<void>) => Promise<void>;
}

/**
 * Brings one play to its end, batch after batch. Between two of them, canary, gate and the limit of failures decide whether
 * it goes on; hosts that are not begun then are skipped with the reason. A check shows all of them.
 */
export async function runPlay(play: PlayPlan, around: PlaySurroundings): Promise<void> {
  await new PlayRun(play, around).run();
}

/** Skips all steps of some hosts of a play, which are left as they are from here on. */
export function skipHosts(
  play: PlayPlan,
  hosts: Iterable<string>,
  reason: string,
  around: Pick<PlaySurroundings, 'ledger' | 'listener'>,
): void {
  for (const host of hosts) {
    around.ledger.holdBack(host, reason);
    const { steps, gate } = planOf(play, host);
    skipSteps(play, host, [...steps, ...(gate ?? [])], reason, around);
  }
}

class PlayRun {
  readonly #play: PlayPlan;
  readonly #around: PlaySurroundings;
  readonly #hosts: readonly string[];
  readonly #mostFailures: number;
  readonly #begun = new Set<string>();
  #stopped: string | undefined;

  constructor(play: PlayPlan, around: PlaySurroundings) {
    this.#play = play;
    this.#around = around;
    this.#hosts = play.hosts.map(({ host }) => host);
    this.#mostFailures = toleratedFailures(this.#hosts.length, play.rollout ?? {});
  }

  async run(): Promise<void> {
    const { name, rollout = {} } = this.#play;
    const batches = batchesOf(this.#hosts, rollout);
    for (const [index, batch] of batches.entries()) {
      if (this.#stopped === undefined) {
        const place = batches.length > 1 ? { batch: index + 1, batches: batches.length } : {};
        this.#around.listener({ event: 'phase', name, hosts: batch.hosts, ...place });
      }
      await this.#runBatch(batch);
    }
  }

  async #runBatch(batch: Batch): Promise<void> {
    const { inParallel } = this.#around;
    await inParallel(batch.hosts, (host) => this.#runHost(host));
    const begun = batch.hosts.filter((host) => this.#begun.has(host));
    await inParallel(begun, (host) => this.#runGate(host));
    this.#stop(this.#unhealthy(batch) ?? this.#tooManyFailures());
  }

  async #runHost(host: string): Promise<void> {
    const { ledger, mode, runUnit } = this.#around;
    // A host that failed before counts too: with a limit of 0 it ends the play before its first step.
    this.#stop(this.#tooManyFailures());
    const reason = ledger.reasonToSkip(host, mode) ?? this.#stopped;
    if (reason !== undefined) {
      skipHosts(this.#play, [host], reason, this.#around);
      return;
    }
    this.#begun.add(host);
    await runUnit(host, 'play');
  }

  async #runGate(host: string): Promise<void> {
    const { ledger, mode, runUnit } = this.#around;
    const { gate } = planOf(this.#play, host);
    if (!gate) return;
    const reason = ledger.reasonToSkip(host, mode) ?? this.#stopped;
    if (reason === undefined) await runUnit(host, 'gate');
    else skipSteps(this.#play, host, gate, reason, this.#around);
  }

  #stop(reason: string | undefined): void {
    if (this.#around.mode === 'apply') this.#stopped ??= reason;
  }

  #unhealthy({ hosts, isCanary }: Batch): string | undefined {
    const hasGate = hosts.some((host) => planOf(this.#play, host).gate);
    const failed = hosts.filter((host) => this.#around.ledger.failed(host));
    if (failed.length === 0 || !(isCanary || hasGate)) return undefined;
    return isCanary
      ? `the canary failed: ${failed.join(', ')}`
      : `a host of the batch before does not hold the gate: ${failed.join(', ')}`;
  }

  #tooManyFailures(): string | undefined {
    const failed = this.#hosts.filter((host) => this.#around.ledger.failed(host));
    if (failed.length <= this.#mostFailures) return undefined;
    return `more hosts of this play failed than maxFail allows (${this.#mostFailures}): ${failed.join(', ')}`;
  }
}

function planOf(play: PlayPlan, host: string): HostPlan {
  return play.hosts.find((plan) => plan.host === host)!;
}

function skipSteps(
  play: PlayPlan,
  host: string,
  steps: HostPlan['steps'],
  reason: string,
  { ledger, listener }: Pick<PlaySurroundings, 'ledger' | 'listener'>,
): void {
  const { leftOut = {} } = planOf(play, host);
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
    ledger.record(event);
    listener(event);
  }
}
