import type { Listener, RunEvent } from '../core/event.ts';
import type { Sink } from './sink.ts';

/**
 * Writes every event as one line of JSON on stdout, the summary last. The shape is public: see `runEventSchema`.
 * @example
 * const listener = createJsonLines(sink);
 */
export function createJsonLines(sink: Sink): Listener {
  return (event) => sink.json(ordered(event));
}

/** An event as it is written: what a person looks for first stands first. */
export function ordered(event: RunEvent): object {
  if (event.event === 'step') {
    const { event: name, host, step, status, ms, ...rest } = event;
    return { event: name, host, step, status, ms: Math.round(ms), ...rest };
  }
  if (event.event === 'summary') {
    const { event: name, hosts, exit, ...rest } = event;
    return { event: name, hosts, exit, ...rest };
  }
  return event;
}
