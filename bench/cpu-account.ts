import { mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Processor time of processes and of all that they start, by a control group of the kernel. What processes tell of their
 * children is not enough: nobody has waited for a program whose shell went away with its connection.
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
export class CpuAccount {
  readonly #folder = openGroup();

  add(pid: number): void {
    if (this.#folder !== undefined) writeFileSync(join(this.#folder, 'cgroup.procs'), String(pid));
  }

  /** Milliseconds so far; not a number where groups cannot be made, as in most containers. */
  usedMs(): number {
    if (this.#folder === undefined) return NaN;
    const stat = readFileSync(join(this.#folder, 'cpu.stat'), 'utf8');
    return Number(/^usage_usec (\d+)$/m.exec(stat)?.[1]) / 1000;
  }

  /** To be called when all that was added has been told to end. */
  async close(): Promise<void> {
    if (this.#folder === undefined) return;
    const members = join(this.#folder, 'cgroup.procs');
    for (let tries = 0; tries < 60 && readFileSync(members, 'utf8') !== ''; tries++) await sleep(50);
    rmdirSync(this.#folder);
  }
}

function openGroup(): string | undefined {
  const mounts = readFileSync('/proc/mounts', 'utf8');
  const [, root] = /^\S+ (\S+) cgroup2 /m.exec(mounts) ?? [];
  if (root === undefined) return undefined;
  try {
    return mkdtempSync(join(root, 'provision-bench-'));
  } catch {
    return undefined;
  }
}
