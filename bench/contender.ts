import type { Hosts, Target } from './lab.ts';
import type { Command } from './measure.ts';
import type { BenchStep } from './steps.ts';

/** What is to be done on each host. */
export type Job =
  | {
      readonly kind: 'steps';
      readonly name: 'one' | 'twenty' | 'typical';
      readonly steps: readonly BenchStep[];
    }
  /** A file of this machine, to `/srv/upload`. */
  | { readonly kind: 'file'; readonly source: string }
  /** A folder of this machine, to `/srv/upload`. */
  | { readonly kind: 'folder'; readonly source: string }
  /** An inventory of these hosts and a playbook are checked, and nothing is contacted. */
  | { readonly kind: 'check'; readonly targets: readonly Target[] }
  /** The program says its version. */
  | { readonly kind: 'start' };

/** One way to do a job. */
export interface Contender {
  readonly name: string;
  /** What it is, for who reads the table. */
  readonly about: string;
  /** Why it cannot take part on this machine; undefined when it can. */
  missing(): string | undefined;
  /** Its version, for the report. */
  version?(): string;
  /** What is started for the job; undefined when it has no way to do it. Files that it needs are written here, and not measured. */
  command(job: Job, hosts: Hosts): Command | undefined;
  /** How often it is run at most on so many hosts, 0 for not at all: some take minutes. Default: as often as was asked for. */
  mostRounds?(workload: { readonly id: string; readonly delayMs: number }, hosts: number): number;
}
