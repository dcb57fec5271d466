import type { Json } from './change.ts';
import type { HostSummary, RunEvent, RunMode } from './event.ts';

/** What is kept of a run beside its events: `run.json` of its record. The shape is public; fields may be added. */
export interface RunRecord {
  readonly schema: '1.0';
  /** Sorts by time: `20260131-235959-123-4f1a0c`. */
  readonly id: string;
  /** Of provision. */
  readonly version: string;
  readonly command: string;
  /** The options that shaped the run, by their names on the command line in camel case; never a secret. */
  readonly options: Readonly<Record<string, Json>>;
  /** Absolute paths. */
  readonly inventory: string;
  readonly playbook: string;
  /** SHA-256 of inventory, playbook and each file in which a step was made, by absolute path. */
  readonly sha256: Readonly<Record<string, string>>;
  /** The hosts that were selected. */
  readonly hosts: readonly string[];
  readonly user: string;
  readonly machine: string;
  readonly pid: number;
  /** When the process was started, as the kernel counts; with the pid it tells one process from all others. */
  readonly processStart?: number;
  /** ISO 8601, UTC. */
  readonly started: string;
  /** Absent before anything was begun. `apply` once anything may have been changed. */
  readonly mode?: RunMode;
  /** From here on only when the run has ended by itself. */
  readonly ended?: string;
  /** How long it took, in milliseconds. */
  readonly ms?: number;
  readonly exit?: number;
  readonly counts?: Readonly<Record<string, HostSummary>>;
  /** Why some of its events are missing. */
  readonly incomplete?: string;
}

/** One line of `events.jsonl` of a record: an event as `--output jsonl` tells it, with the moment at which it came. */
export type RecordedEvent = RunEvent & {
  /** ISO 8601, UTC. */
  readonly time: string;
};

/** Whether a recorded run goes on, has ended, or stopped without a word: killed, or its machine lost power. */
export type RecordState = 'running' | 'ended' | 'lost';
