import { errorCodes, type ErrorCode } from '../core/errors.ts';

const failed = 2;
const unreachable = 4;

/**
 * The exit code of a run from the codes of all its problems: a defect first, then what a person must look at, then hosts.
 * Both failed and unreachable hosts give 6.
 * @example
 * exitCodeOf(['STEP_FAILED', 'DNS']); // => 6
 */
export function exitCodeOf(codes: Iterable<ErrorCode>): number {
  return precedence(new Set<number>([...codes].map((code) => errorCodes[code])));
}

function precedence(exits: ReadonlySet<number>): number {
  const first = [250, 8, 9, 7, 3, 5].find((exit) => exits.has(exit));
  if (first !== undefined) return first;
  const hosts = (exits.has(failed) ? failed : 0) | (exits.has(unreachable) ? unreachable : 0);
  return hosts || (exits.has(1) ? 1 : 0);
}

/**
 * The exit code of several runs as if they were one: an interrupt before everything else, then as for the problems of one run.
 * @example
 * combineExits([2, 0, 4]); // => 6
 */
export function combineExits(exits: readonly number[]): number {
  const interrupted = exits.find((exit) => exit > 128 && exit < 250);
  if (interrupted !== undefined) return interrupted;
  return precedence(new Set(exits.flatMap((exit) => (exit === failed + unreachable ? [2, 4] : [exit]))));
}
