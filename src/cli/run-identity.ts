import { randomBytes } from 'node:crypto';

/** What the lock of a host says of the run that has it. */
export interface RunIdentity {
  readonly id: string;
  /** Of the process that a person has started. */
  readonly pid: number;
}

/** An identity that no other run has. */
export function newRun(): RunIdentity {
  return { id: randomBytes(8).toString('hex'), pid: process.pid };
}
