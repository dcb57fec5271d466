import type { Duplex } from 'node:stream';

/** A stream that opens in time. One that comes too late is closed, or it would hold one of few channels for ever. */
export function streamInTime<T extends Duplex>(
  timeoutMs: number,
  opening: Promise<T>,
  tooLate: () => Error,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      reject(tooLate());
    }, timeoutMs);
    opening
      .then((stream) => {
        // For good: whoever takes the stream over does not listen in every moment of its life.
        stream.on('error', () => undefined);
        if (late) stream.destroy();
        else resolve(stream);
      })
      .catch(reject)
      .finally(() => clearTimeout(timer));
  });
}
