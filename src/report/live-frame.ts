import { cutToWidth, displayWidth } from './display-width.ts';
import { formatDuration, formatSeconds } from './duration.ts';
import type { HostProgress, RunProgress } from './run-progress.ts';
import { sanitizeLine } from './sanitize.ts';
import { paintOf, type SignName, type Style } from './style.ts';

interface FrameOptions {
  readonly style: Style;
  readonly columns: number;
  /** At most so many lines, the head line included. */
  readonly rows: number;
  /** A reading of the clock of the progress, in milliseconds. */
  readonly now: number;
}

const longestName = 28;
const spinnerMs = 120;
const slowMs = 5000;

/**
 * The picture of a run at one moment: a head line, then a line for each host. When the hosts do not fit: those that
 * failed, the longest running, then the rest as a number.
 */
export function liveFrame(progress: RunProgress, options: FrameOptions): string[] {
  const { style, columns, rows } = options;
  const head = style.strong(cutToWidth(headLine(progress, options), columns, style.ellipsis));
  const hosts = [...progress.hosts.values()];
  const room = Math.max(0, rows - 1);
  if (room === 0) return [head];
  if (hosts.length <= room) return [head, ...hostLines(hosts, options)];
  const shown = mostTelling(hosts, room - 1, options.now);
  const more = style.dim(`  ${style.ellipsis} ${hosts.length - shown.length} more`);
  return [head, ...hostLines(shown, options), more];
}

function headLine(progress: RunProgress, { style, now }: FrameOptions): string {
  const hosts = [...progress.hosts.values()];
  const hasEnded = ({ status, step }: HostProgress) =>
    status === 'done' || (status === 'failed' && step === undefined);
  const done = hosts.filter(hasEnded).length;
  const parts = [
    `${done}/${hosts.length} done`,
    `${hosts.filter((host) => host.status === 'failed').length} failed`,
    `${progress.running().length} running`,
    formatSeconds(now - progress.startedAt),
    ...(progress.phase === undefined ? [] : [sanitizeLine(progress.phase)]),
    ...(progress.mode === 'check' ? ['check: nothing is changed'] : []),
  ];
  return parts.join(style.separator);
}

function mostTelling(hosts: readonly HostProgress[], room: number, now: number): HostProgress[] {
  const failed = hosts.filter((host) => host.status === 'failed');
  const running = hosts
    .filter((host) => host.status === 'running' && host.step !== undefined)
    .sort((a, b) => slowness(b, now) - slowness(a, now));
  // Some room is kept for what still runs: a wall of failures would hide why the run goes on.
  const kept = failed.slice(0, Math.max(room - running.length, Math.ceil(room / 2)));
  return [...kept, ...running].slice(0, Math.max(0, room));
}

/** Coarse, so that rows keep their places while steps are quick: hosts equally slow stay in the order of the plan. */
function slowness(host: HostProgress, now: number): number {
  return Math.floor((now - host.since) / slowMs);
}

function hostLines(hosts: readonly HostProgress[], options: FrameOptions): string[] {
  const nameWidth = Math.min(longestName, Math.max(0, ...hosts.map((host) => displayWidth(host.name))));
  return hosts.map((host) => hostLine(host, nameWidth, options));
}

function hostLine(host: HostProgress, nameWidth: number, options: FrameOptions): string {
  const { style, columns, now } = options;
  const sign = signOf(host);
  const shape = host.status === 'running' ? spinnerAt(now, style) : style.sign[sign];
  const name = pad(cutToWidth(sanitizeLine(host.name), nameWidth, style.ellipsis), nameWidth);
  const ended = host.status === 'failed' ? host.reached : host.ended.size;
  const steps = `${ended}/${host.total}`.padStart(7);
  const start = ` ${shape} ${name} ${steps}  `;
  const story = cutToWidth(storyOf(host, options), columns - displayWidth(start) - 1, style.ellipsis);
  const paint = paintOf(style, sign);
  return ` ${paint(shape)} ${name} ${style.dim(steps)}  ${host.status === 'waiting' ? style.dim(story) : story}`;
}

function signOf(host: HostProgress): SignName {
  if (host.status === 'done') return host.changed > 0 ? 'changed' : 'ok';
  if (host.status === 'failed') return 'failed';
  return host.status === 'running' ? 'changed' : 'waiting';
}

function spinnerAt(now: number, style: Style): string {
  return style.spinner[Math.floor(now / spinnerMs) % style.spinner.length]!;
}

function storyOf(host: HostProgress, { style, now }: FrameOptions): string {
  if (host.step !== undefined) {
    const took = now - host.since;
    const time = took < 1000 ? '' : `  ${took < 10_000 ? formatDuration(took) : formatSeconds(took)}`;
    const waitsFor = host.waitsFor === undefined ? '' : ` ${style.dash} ${host.waitsFor}`;
    return sanitizeLine(host.step) + time + waitsFor;
  }
  if (host.problem) return sanitizeLine(`${host.problem.code}: ${host.problem.happened}`);
  if (host.status === 'done')
    return host.changed > 0 ? `done, ${host.changed} changed` : 'done, nothing to change';
  return host.ended.size > 0 && host.status !== 'failed' ? 'waiting for its turn' : host.status;
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)));
}
