import type { ErrorCode } from '../core/errors.ts';
import type { HostSummary, RunMode, StepEvent } from '../core/event.ts';

interface HostRecord {
  ok: number;
  changed: number;
  failed: number;
  skipped: number;
  wouldChange: number;
  leftOut: number;
  /** Why it is left as it is from here on. */
  heldBack?: string;
  /** Why nothing can be done with it, not even read. */
  outOfReach?: string;
}

/** Steps of every host that no play lists, and what it means that one failed. */
const waysIn: Readonly<Record<string, string>> = {
  connect: 'this host could not be reached',
  lock: 'this host could not be locked',
};

/** What a run knows of its hosts: counts, failures, and who is to be left alone. Hosts that are no part of it are taken to be well. */
export class HostLedger {
  /** Of all problems. */
  readonly codes = new Set<ErrorCode>();
  readonly #records = new Map<string, HostRecord>();

  constructor(hosts: Iterable<string>) {
    const none = { ok: 0, changed: 0, failed: 0, skipped: 0, wouldChange: 0, leftOut: 0 };
    for (const host of hosts) this.#records.set(host, { ...none });
  }

  get hosts(): string[] {
    return [...this.#records.keys()];
  }

  has(host: string): boolean {
    return this.#records.has(host);
  }

  record(event: StepEvent): void {
    const record = this.#records.get(event.host)!;
    if (event.leftOut) record.leftOut++;
    else if (event.status === 'would-change') record.wouldChange++;
    else record[event.status]++;
    const outOfReach = event.status === 'failed' ? waysIn[event.step] : undefined;
    if (outOfReach !== undefined) record.outOfReach = outOfReach;
    for (const problem of event.problems ?? []) this.codes.add(problem.code);
  }

  /** From here on the host is left as it is, without a fault of its own. */
  holdBack(host: string, reason: string): void {
    this.#records.get(host)!.heldBack ??= reason;
  }

  failed(host: string): boolean {
    return (this.#records.get(host)?.failed ?? 0) > 0;
  }

  isHeldBack(host: string): boolean {
    return this.#records.get(host)?.heldBack !== undefined;
  }

  changed(host: string): boolean {
    return (this.#records.get(host)?.changed ?? 0) > 0;
  }

  wouldChange(host: string): boolean {
    return (this.#records.get(host)?.wouldChange ?? 0) > 0;
  }

  /** Why no other step of the host is begun. A check goes on where it can, and shows the whole plan. */
  reasonToSkip(host: string, mode: RunMode): string | undefined {
    const record = this.#records.get(host)!;
    if (mode === 'apply' && record.failed > 0) return 'this host failed before';
    return record.outOfReach ?? record.heldBack;
  }

  summary(mode: RunMode): Record<string, HostSummary> {
    const entries = [...this.#records].map(([host, record]): [string, HostSummary] => {
      const { ok, changed, failed, skipped, wouldChange, leftOut } = record;
      const counts = { ok, changed, failed, skipped };
      return [host, { ...counts, ...(mode === 'check' && { wouldChange }), ...(leftOut > 0 && { leftOut }) }];
    });
    return Object.fromEntries(entries);
  }
}
