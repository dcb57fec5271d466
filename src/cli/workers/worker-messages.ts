import type { Json } from '../../core/change.ts';
import type { Problem } from '../../core/errors.ts';
import type { FromWorker, ToWorker } from '../../engine/worker-link.ts';
import type { RunIdentity } from '../run-identity.ts';

/** What a worker is made a worker by; the first message, and the only one that holds secrets. */
export interface Setup {
  readonly type: 'setup';
  /** Absolute path. */
  readonly playbook: string;
  /** The values of all hosts, packed: plays read each other's. */
  readonly resolved: Json;
  /** Names of the hosts that are part of the run, packed. */
  readonly chosen: Json;
  /** How the hosts of this worker are reached, by name, packed. */
  readonly targets: Json;
  /** Of the plan that has to come out. */
  readonly digest: string;
  readonly run: RunIdentity;
  readonly processes: number;
  readonly acceptNew: boolean;
  readonly debug: boolean;
  readonly reconnectMs: number;
  readonly lockWaitMs: number;
}

export type ToWorkerProcess = Setup | ToWorker;

/** What a worker process says beside what every worker does. */
export type FromWorkerProcess =
  | FromWorker
  /** It has made the same plan, and can be given work. */
  | { readonly type: 'ready' }
  | { readonly type: 'refused'; readonly problems: readonly [Problem, ...Problem[]] }
  | { readonly type: 'message'; readonly text: string }
  | { readonly type: 'accepted'; readonly host: string; readonly fingerprint: string }
  /** An error that nobody caught; it ends the process. */
  | { readonly type: 'crashed'; readonly why: string; readonly stack: string };
