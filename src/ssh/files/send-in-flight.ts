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
}

/**
 * Sends pieces with several on their way at a time; reads the next one only when there is room for it. Rejects with the
 * first refusal, or with what the source threw.
 */
export async function sendInFlight({ pieces, send, stallMs, onStall, onProgress }: InFlight): Promise<void> {
  let waiting = 0;
  let answered = 0;
  let failure: Error | undefined;
  let wake: () => void = () => undefined;
  const window = new FlightWindow();

  const settled = (size: number, error?: Error | null) => {
    waiting--;
    answered += size;
    if (error) failure ??= error;
    else onProgress?.(answered);
    window.answered(size);
    wake();
  };
  const answer = async () => {
    const timer = setTimeout(() => {
      failure ??= onStall();
      wake();
    }, stallMs);
    await new Promise<void>((resolve) => (wake = resolve));
    clearTimeout(timer);
    if (failure) throw failure;
  };

  let at = 0;
  try {
    for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
      if (failure) throw failure;
      while (waiting >= window.limit) await answer();
      const piece = next.value;
      waiting++;
      send(piece, at, (error) => settled(piece.length, error));
      at += piece.length;
    }
    while (waiting > 0) await answer();
    if (failure) throw failure;
  } finally {
    await pieces.return?.();
  }
}
