import type { RunEvent } from '../core/event.ts';
import { formatSeconds } from './duration.ts';
import { eventLines } from './event-lines.ts';
import type { HostProgress, RunProgress } from './run-progress.ts';
import { sanitizeLine } from './sanitize.ts';
import type { Sink } from './sink.ts';
import type { View } from './view.ts';

/** A view of the run while it goes on. */
export interface ProgressView {
  /** Called after the progress has taken the event in. */
  show(event: RunEvent): void;
  close(): Promise<void>;
}

const heartbeatMs = 30_000;
const heartbeatHosts = 5;

/**
 * Plain lines on stderr, for logs: what changed, failed or warns, and every 30 seconds of silence what is waited for, so that
 * no watcher takes the run for dead.
 */
export function createLinesView(sink: Sink, view: View, progress: RunProgress): ProgressView {
  let spokeAt = performance.now();
  const say = (lines: readonly string[]) => {
    if (lines.length === 0) return;
    spokeAt = performance.now();
    sink.message(lines.join('\n'), 'own');
  };
  const timer = setInterval(() => {
    if (performance.now() - spokeAt >= heartbeatMs) say(heartbeatLines(progress, view));
  }, 1000);
  timer.unref();
  return {
    show(event) {
      say(eventLines(event, view));
      if (event.event === 'summary') clearInterval(timer);
    },
    async close() {
      clearInterval(timer);
    },
  };
}

function heartbeatLines(progress: RunProgress, { style }: View): string[] {
  const now = performance.now();
  const running = progress.running();
  const lines = running
    .slice(0, heartbeatHosts)
    .map((host) => `${style.ellipsis} ${waitLine(host, formatSeconds(now - host.since))}`);
  const more = running.length - lines.length;
  return more > 0 ? [...lines, `${style.ellipsis} and ${more} more hosts`] : lines;
}

function waitLine(host: HostProgress, time: string): string {
  const waitsFor = host.waitsFor === undefined ? '' : `: ${host.waitsFor}`;
  return sanitizeLine(`${host.name}  ${host.step ?? ''}  since ${time}${waitsFor}`);
}
