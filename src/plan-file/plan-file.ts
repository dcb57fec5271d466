import type { Change } from '../core/change.ts';
import type { Effect } from '../core/effect.ts';
import type { SourceLocation } from '../core/source.ts';

/**
 * What `provision plan -o FILE` writes and `provision apply FILE` takes: what each step found on each host, and what it would
 * change there. It holds no secret, and its hashes are keyed by secrets that it does not hold.
 * @see planFileSchema
 */
export interface PlanFile {
  readonly version: 1;
  /** ISO 8601, UTC. */
  readonly made: string;
  /** By which version of provision. */
  readonly provision: string;
  /** The inventory, and the playbook where one was named, as the command line had them; for people. */
  readonly inventory: string;
  readonly playbook?: string;
  /** What the hashes of this plan are salted with. */
  readonly salt: string;
  /** Hash of all values of the inventory that the playbook is given, and of how its plays go from host to host. */
  readonly input: string;
  /** What was chosen on the command line, and is chosen again when the plan is applied. */
  readonly options: PlanChoices;
  readonly plays: readonly PlannedPlay[];
}

/** Choices of the command line that decide what a plan consists of. */
export interface PlanChoices {
  /** The hosts that were chosen, by name; empty: all of the inventory. */
  readonly limit: readonly string[];
  readonly only: readonly string[];
  readonly skip: readonly string[];
  readonly startAt?: string;
  readonly tags: readonly string[];
  readonly skipTags: readonly string[];
  readonly skipRequirement: readonly string[];
  /** The part of these hosts that the plan is for: `2/3`. Absent: all. */
  readonly slice?: string;
}

export interface PlannedPlay {
  readonly name: string;
  readonly hosts: readonly PlannedHost[];
}

export interface PlannedHost {
  readonly host: string;
  readonly steps: readonly PlannedStep[];
}

export interface PlannedStep {
  readonly id: string;
  /** Where in the playbook it was made, innermost first. */
  readonly at: readonly SourceLocation[];
  readonly status: PlannedStatus;
  /** Hash of what is wanted. */
  readonly want: string;
  /** Hash of what was read; of resources only. */
  readonly precondition?: string;
  readonly changes: readonly Change[];
  readonly effects: readonly Effect[];
  /** Why it is skipped. */
  readonly reason?: string;
}

/** `known-after-apply`: what it does is known only when earlier steps have run. */
export type PlannedStatus = 'ok' | 'would-change' | 'known-after-apply' | 'skipped';
