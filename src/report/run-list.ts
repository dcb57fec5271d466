import { basename } from 'node:path';
import type { RecordState, RunRecord } from '../core/run-record.ts';
import { formatDuration } from './duration.ts';
import { hostList, plural } from './event-lines.ts';
import { mapTexts } from './map-texts.ts';
import { sanitizeLine, toAscii } from './sanitize.ts';
import { createStyle, type Style } from './style.ts';
import { alignColumns } from './table.ts';

/** A record, and what has become of its run. */
export interface ListedRun {
  readonly record: RunRecord;
  readonly state: RecordState;
}

/**
 * Recorded runs as a table, a line each.
 * @example
 * renderRuns([{ record, state: 'ended' }], { color: false, unicode: true });
 */
export function renderRuns(
  runs: readonly ListedRun[],
  options: { readonly color: boolean; readonly unicode: boolean },
): string {
  const style = createStyle(options);
  const clean = (text: string) => (options.unicode ? sanitizeLine(text) : toAscii(sanitizeLine(text)));
  const rows = runs.map(({ record: raw, state }) => {
    const record = mapTexts(raw, clean);
    const time = record.ms === undefined ? '' : formatDuration(record.ms);
    return [
      record.id,
      localTime(record.started),
      whatOf(record),
      hostList(record.hosts, 3),
      endOf(record, state),
      time,
    ];
  });
  const [head, ...body] = alignColumns([['id', 'when', 'what', 'hosts', 'result', 'time'], ...rows]);
  return [style.strong(head!), ...body.map((line, index) => paintOf(runs[index]!, style)(line))].join('\n');
}

/** `2026-01-31 23:59:59` where the reader is. */
export function localTime(iso: string): string {
  const time = new Date(iso);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

/** `apply site.ts`, or another command with its playbook. */
export function whatOf({ command, mode, playbook }: RunRecord): string {
  return `${command === 'run' ? (mode ?? 'run') : command} ${basename(playbook)}`;
}

/** How it ended, in a few words. */
export function endOf(record: RunRecord, state: RecordState): string {
  const { exit = 0, counts = {} } = record;
  if (state === 'running') return `running (pid ${record.pid} on ${record.machine})`;
  if (state === 'lost') return 'did not end: killed?';
  if (exit > 128 && exit < 250) return `interrupted (exit code ${exit})`;
  const all = Object.values(counts);
  if (exit !== 0 && exit !== pendingExit) {
    const failed = all.filter(({ failed }) => failed > 0).length;
    return failed === 0 ? `exit code ${exit}` : `${plural(failed, 'host')} failed (exit code ${exit})`;
  }
  const changes = all.reduce((sum, { changed, wouldChange = 0 }) => sum + changed + wouldChange, 0);
  if (record.mode === 'check') return `${plural(changes, 'change')} would be made`;
  return changes === 0 ? 'nothing to change' : plural(changes, 'change');
}

// A check with changes pending, where the caller asked for that to be told apart.
const pendingExit = 20;

function paintOf({ record, state }: ListedRun, style: Style): (text: string) => string {
  const { exit = 0 } = record;
  const isWell = state !== 'lost' && (exit === 0 || exit === pendingExit);
  return isWell ? (text) => text : style.bad;
}
