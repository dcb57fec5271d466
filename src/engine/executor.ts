import type { RunEvent, RunMode } from '../core/event.ts';
import type { LeftOut } from '../core/plan.ts';
import type { Expectation } from './plan-guard.ts';

/** The version of units; a unit of another one is refused. */
export const unitVersion = 1;

/**
 * One piece of work that can be done elsewhere: one phase on one host, as plain JSON. What orders the pieces
 * (serial batches, dependencies, stopping) stays with the coordinator, so that a child process or a queue is only another executor.
 */
export interface WorkUnit {
  readonly v: typeof unitVersion;
  /** `<phase>/<host>`. */
  readonly unitId: string;
  readonly host: string;
  /** The requirements of all plays of the host, the steps of one play, or what must hold after its batch. */
  readonly phase:
    { readonly type: 'requirements' } | { readonly type: 'play' | 'gate'; readonly index: number };
  readonly mode: RunMode;
  /** Names of requirements that a person has overridden. */
  readonly skipRequirements: readonly string[];
  /** The steps that are no part of the run, and why. */
  readonly leftOut: LeftOut;
  /** What notes of due actions call the playbook. */
  readonly playbook?: string;
  /** In a check: something that this unit builds on would change first, so what it waits for cannot be known yet. */
  readonly pendingChanges: boolean;
  /** In a check: other runs are kept away from the host, as they are when it is changed. */
  readonly lock?: boolean;
  /** When a plan is made or applied: what its hashes are salted with. */
  readonly salt?: string;
  /** When a plan is applied: what it says of these steps. */
  readonly expect?: Expectation;
}

/** Does units of work, and tells what happens in events that survive JSON unchanged. */
export interface Executor {
  /** Ends when the unit has ended; a failed step is an event, never a thrown error. */
  run(unit: WorkUnit, signal: AbortSignal): AsyncIterable<RunEvent>;
  /** Ends all sessions. */
  close(): Promise<void>;
}
