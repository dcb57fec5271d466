/** How to see that the line to a host broke. */
export interface LossWatch {
  /** How often work on the host was interrupted so far; undefined where that cannot happen. */
  readonly losses?: (() => number) | undefined;
  readonly signal: AbortSignal;
}

/**
 * Does work again, from its beginning, when the line to the host broke while it was under way: at most three times.
 * What it failed with does not matter then, as that may be a consequence.
 */
export async function repeatLost<T>(watch: LossWatch, work: () => Promise<T>): Promise<T> {
  for (let repeats = 0; ; repeats++) {
    const before = watch.losses?.();
    try {
      return await work();
    } catch (error) {
      if (watch.losses?.() === before || repeats === mostRepeats || watch.signal.aborted) throw error;
    }
  }
}

const mostRepeats = 3;
