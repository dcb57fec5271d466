import type { Change } from './change.ts';
import type { Effect } from './effect.ts';
import type { Problem } from './errors.ts';
import type { SourceLocation } from './source.ts';

export type RunMode = 'apply' | 'check';

export type StepStatus = 'ok' | 'changed' | 'would-change' | 'failed' | 'skipped';

/** Counts of one host; `wouldChange` only in a check, `leftOut` where a person has chosen other steps. */
export interface HostSummary {
  readonly ok: number;
  readonly changed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly wouldChange?: number;
  readonly leftOut?: number;
}

/** How one step on one host ended. */
export interface StepEvent {
  readonly event: 'step';
  readonly host: string;
  readonly play: string;
  readonly step: string;
  readonly status: StepStatus;
  readonly ms: number;
  /** How often it was tried, where that was more than once. */
  readonly tries?: number;
  readonly at: readonly SourceLocation[];
  /** What differed. Present when `changed` or `would-change`. */
  readonly changes?: readonly Change[];
  /** What these changes entail. In a check only. */
  readonly effects?: readonly Effect[];
  /** Keyed hash of what was read. In a check that makes a plan only. */
  readonly precondition?: string;
  /** The measured figure of a requirement, or what a condition saw. */
  readonly figure?: string;
  /** A warning that does not stop the run. */
  readonly warning?: string;
  /** Why it was skipped. */
  readonly reason?: string;
  /** It was skipped because a person has chosen other steps or hosts: no part of the run, so nothing is open. */
  readonly leftOut?: true;
  readonly problems?: readonly Problem[];
}

/** The one stream that every view and report is made from. Plain data: it survives JSON unchanged. */
export type RunEvent =
  | {
      readonly event: 'start';
      readonly schema: '1.0';
      readonly mode: RunMode;
      readonly plays: readonly PlayOutline[];
      /** Of a run that is for a part of the hosts only. */
      readonly slice?: SliceOutline;
    }
  | {
      readonly event: 'phase';
      readonly name: string;
      readonly hosts: readonly string[];
      /** Which batch of the play it is, from 1, and of how many. Absent where there is only one. */
      readonly batch?: number;
      readonly batches?: number;
    }
  | { readonly event: 'step-start'; readonly host: string; readonly play: string; readonly step: string }
  | { readonly event: 'progress'; readonly host: string; readonly step?: string; readonly text: string }
  | StepEvent
  | {
      readonly event: 'notice';
      readonly level: 'info' | 'warning';
      readonly host?: string;
      readonly text: string;
    }
  | {
      readonly event: 'summary';
      readonly mode: RunMode;
      readonly hosts: Readonly<Record<string, HostSummary>>;
      readonly exit: number;
      readonly ms: number;
      /** What a person should know now, from the plays that succeeded. Empty in a check. */
      readonly notes: readonly string[];
    };

export interface PlayOutline {
  readonly name: string;
  readonly hosts: readonly HostOutline[];
}

/** What a play has for one host. */
export interface HostOutline {
  readonly host: string;
  readonly steps: readonly string[];
  /** Those of them that are no part of the run. Absent: none. */
  readonly leftOut?: readonly string[];
}

/** What a run that is for a part of the hosts says of the whole. */
export interface SliceOutline {
  /** From 1. */
  readonly index: number;
  readonly of: number;
  /** Digest of the whole plan: slices of another one are no part of the same report. */
  readonly plan: string;
  /** The hosts of each play, of all slices. */
  readonly hosts: readonly (readonly string[])[];
}

/** Receives every event, in order. Must not throw. */
export type Listener = (event: RunEvent) => void;
