/**
 * A duration as people say it.
 * @param ms milliseconds
 * @example
 * formatDuration(80_400); // => '1m20s'
 * formatDuration(4_230); // => '4.2s'
 * formatDuration(120); // => '120ms'
 */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 9950) return `${(ms / 1000).toFixed(1)}s`;
  return formatSeconds(ms);
}

/** The same in whole seconds, for a clock that is looked at while it runs. */
export function formatSeconds(ms: number): string {
  const total = Math.round(ms / 1000);
  const [hours, minutes, seconds] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  if (hours > 0) return `${hours}h${String(minutes).padStart(2, '0')}m`;
  return minutes > 0 ? `${minutes}m${String(seconds).padStart(2, '0')}s` : `${seconds}s`;
}
