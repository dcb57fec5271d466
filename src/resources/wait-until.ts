/**
 * Looks again and again until there is something to return, or gives undefined when the time is over.
 * The first look is made at once.
 */
export async function waitUntil<T>(
  look: (waitedMs: number) => Promise<T | undefined>,
  { timeoutMs, intervalMs }: { readonly timeoutMs: number; readonly intervalMs: number },
): Promise<T | undefined> {
  const started = performance.now();
  for (;;) {
    const waited = performance.now() - started;
    const found = await look(waited);
    if (found !== undefined || waited + intervalMs > timeoutMs) return found;
    await pause(intervalMs);
  }
}

/** @see https://nodejs.org/api/timers.html */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
