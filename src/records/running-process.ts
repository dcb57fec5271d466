import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { RecordState, RunRecord } from '../core/run-record.ts';

/** When a process was started, in the ticks of the kernel's clock; undefined where there is no such process, or no /proc. */
export function processStart(pid: number | 'self'): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name of the program stands in parentheses and may hold some itself; the 20th field after it is the start.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return undefined;
  }
}

/** Whether a run goes on. Of another machine nobody can tell here: what has not ended counts as running for a week. */
export function stateOf(record: RunRecord, now = Date.now()): RecordState {
  if (record.ended !== undefined) return 'ended';
  if (record.machine !== hostname()) return now - Date.parse(record.started) < weekMs ? 'running' : 'lost';
  return isAlive(record) ? 'running' : 'lost';
}

const weekMs = 7 * 24 * 60 * 60 * 1000;

function isAlive({ pid, processStart: start }: RunRecord): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // A process of somebody else is there all the same.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const found = processStart(pid);
  return start === undefined || found === undefined || found === start;
}
