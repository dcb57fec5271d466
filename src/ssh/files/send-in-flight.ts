import { FlightWindow } from './flight-window.ts';

export interface InFlight {
  readonly pieces: AsyncIterator<Buffer>;
  /** Sends a piece that begins at byte `at`; `done` is called when the host has it or has refused it. */
  readonly send: (piece: Buffer, at: number, done: (error?: Error | null) => void) => void;
  /** How long nothing may be answered, in milliseconds; the error is then the one of `onStall`. */
  readonly stallMs: number;
  readonly onStall: () => Error;
  /** Called with the number of bytes that the host has, after each answer. */
  readonly onProgress?: (bytes: number) => void;
  /** Called when the last piece is on its way, and waited for. */
  readonly finish?: () => Promise<void>;
}

/**
 * Sends pieces with several on their way at a time; reads the next one only when there is room for it. Rejects with the
 * first refusal, or with what the source threw.
 */
export async function sendInFlight(given: InFlight): Promise<void> {
  const { pieces, send, stallMs, onStall, onProgress, finish } = given;
  /** Bytes. */
  let waiting = 0;
  let answered = 0;
  let failure: Error | undefined;
  let wake: () => void = () => undefined;
  const window = new FlightWindow();

  const settled = (size: number, error?: Error | null) => {
    waiting -= size;
    answered += size;
    if (error) failure ??= error;
    else onProgress?.(answered);
    window.answered(size);
    wake();
  };
  const refuse = () => {
    if (failure) throw failure;
  };
  const inTime = async <T>(work: Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(onStall()), stallMs);
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  };
  const answer = async () => {
    await inTime(new Promise<void>((resolve) => (wake = resolve)));
    refuse();
  };

  let at = 0;
  try {
    for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
      refuse();
      while (waiting >= window.limit) await answer();
      const piece = next.value;
      waiting += piece.length;
      send(piece, at, (error) => settled(piece.length, error));
      at += piece.length;
    }
    refuse();
    const finished = finish?.();
    // What was refused before is the reason, whatever becomes of the end.
    finished?.catch(() => undefined);
    while (waiting > 0) await answer();
    refuse();
    if (finished) await inTime(finished);
  } finally {
    await pieces.return?.();
  }
}
