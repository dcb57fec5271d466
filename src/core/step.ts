import type { Change } from './change.ts';
import type { Effect } from './effect.ts';
import type { Host, ReadHost } from './host.ts';
import type { SourceLocation } from './source.ts';

interface StepBase {
  /** Stable and unique on a host: `file /etc/nginx/nginx.conf`. Never a line number. */
  readonly id: string;
  /** Where in the playbook the step was made, innermost first. */
  readonly at: readonly SourceLocation[];
  /** Names by which a person can choose it beside its id: `--only tls`. */
  readonly tags?: readonly string[];
  /** How a failure is tried again; absent: not at all. Each try begins with reading. Conditions wait by themselves instead. */
  readonly retry?: RetryPolicy;
  /** How long the step may take with all its tries, in milliseconds; absent: as long as what it does allows. */
  readonly deadlineMs?: number;
}

/** How often something that failed is tried again, and after which pauses. */
export interface RetryPolicy {
  /** Tries after the first one, 1 or more. */
  readonly retries: number;
  /** Pause before the second try, in milliseconds; each further one is twice as long, a minute at most. */
  readonly delayMs: number;
}

/** One desired state on one host. */
export interface ResourceStep extends StepBase {
  readonly type: 'resource';
  readonly kind: string;
  /** The whole wanted state. */
  readonly want: object;
  /** What the host has, or undefined when the thing is absent (also when its tool or parent is). */
  read(host: ReadHost): Promise<unknown>;
  /** The difference between what was read and what is wanted; empty when converged. */
  diff(have: unknown): readonly Change[];
  /** What of the state that was read must be the same when a plan is applied: all of it, but what moves by itself. */
  precondition(have: unknown): unknown;
  /** What making these changes entails. */
  effects(have: unknown, changes: readonly Change[]): readonly Effect[];
  apply(host: Host, have: unknown): Promise<void>;
}

/** What a condition or requirement saw on the host. */
export interface Observation {
  readonly holds: boolean;
  /** What was seen, for people: `connection refused`, `HTTP 502`. */
  readonly saw: string;
  /** Set when waiting longer cannot help: why. */
  readonly hopeless?: string;
}

/** Something that must become true by itself and is waited for; changes nothing. */
export interface ConditionStep extends StepBase {
  readonly type: 'condition';
  readonly kind: string;
  observe(host: ReadHost): Promise<Observation>;
  /** How long to wait, and how long between two looks, in milliseconds. */
  readonly timeoutMs: number;
  readonly intervalMs: number;
  /** What to do when it never holds. */
  readonly remedy: string;
}

export interface Verdict {
  readonly level: 'pass' | 'warn' | 'fail';
  /** The measured figure: `2 CPUs`. */
  readonly figure: string;
  /** What to do about it. */
  readonly advice?: string;
}

/** Something that every host must meet before the first change on any host. */
export interface RequirementStep extends StepBase {
  readonly type: 'requirement';
  /** What `--skip-requirement` takes: `memory`. */
  readonly name: string;
  /** What is asked, for people: `at least 4 GB of memory`. */
  readonly rule: string;
  check(host: ReadHost): Promise<Verdict>;
}

/** A verb: `reload nginx`. Runs at most once for all changes that it watches. */
export interface Action {
  readonly kind: string;
  /** `reload nginx`. */
  readonly id: string;
  run(host: Host): Promise<void>;
  readonly retry?: RetryPolicy;
  /** What on the host shows that it is due although no change is known of; absent where nothing does. */
  whyDue?(host: ReadHost): Promise<string | undefined>;
}

/** Runs an action when one of the watched steps has changed something, in this run or in one that died. */
export interface OnChangeStep extends StepBase {
  readonly type: 'onChange';
  /** Ids of the watched steps. */
  readonly watches: readonly string[];
  readonly action: Action;
}

export type Step = ResourceStep | ConditionStep | RequirementStep | OnChangeStep;

/** Steps, or lists of steps, as roles return them. */
export type StepList = readonly (Step | StepList)[];

/** The steps of a nested list, in order. */
export function flattenSteps(steps: StepList): Step[] {
  return (steps as readonly unknown[]).flatMap((entry) =>
    Array.isArray(entry) ? flattenSteps(entry as StepList) : [entry as Step],
  );
}
