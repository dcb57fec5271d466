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
  const exits = new Set<number>([...codes].map((code) => errorCodes[code]));
  const first = [250, 8, 9, 7, 3, 5].find((exit) => exits.has(exit));
  if (first !== undefined) return first;
  const hosts = (exits.has(failed) ? failed : 0) | (exits.has(unreachable) ? unreachable : 0);
  return hosts || (exits.has(1) ? 1 : 0);
}
