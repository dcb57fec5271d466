import type { RunEvent } from '../core/event.ts';
import type { WorkUnit } from './executor.ts';

/** What a coordinator tells a worker; plain JSON. `id` is that of a unit under way, chosen by the coordinator. */
export type ToWorker =
  | { readonly type: 'run'; readonly id: number; readonly unit: WorkUnit; readonly stopped?: StopReason }
  | { readonly type: 'stop'; readonly id: number; readonly reason: StopReason }
  /** Asks for a sign of life. */
  | { readonly type: 'ping' }
  | { readonly type: 'close' };

/** What a worker tells its coordinator; plain JSON. */
export type FromWorker =
  | { readonly type: 'event'; readonly id: number; readonly event: RunEvent }
  | { readonly type: 'done'; readonly id: number }
  | { readonly type: 'pong' }
  | { readonly type: 'closed' };

/** Why a unit was stopped; a number is the exit code. */
export type StopReason = number | null;

/** Why nothing more comes from a worker. */
export interface WorkerEnd {
  /** What has become of it, for people: `it was ended by SIGKILL`. */
  readonly why: string;
  /** Whether it has failed by a defect of provision or of the playbook. */
  readonly isDefect: boolean;
}

/** One end of the line between a coordinator and a worker. What is sent comes in order, or the line ends. */
export interface WorkerLink<Out, In> {
  send(message: Out): void;
  /** Called with each message. To be set once, before anything can come. */
  onMessage(listener: (message: In) => void): void;
  /** Called once, when nothing more will come. */
  onEnd(listener: (end: WorkerEnd) => void): void;
  /** Ends the line, and by force who is at its other end. `why` is what is told of the end, unless it comes by itself first. */
  kill(why: string): void;
}
