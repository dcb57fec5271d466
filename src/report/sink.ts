import type { Writable } from 'node:stream';
import { jsonLine } from './json-line.ts';
import { maskText } from './mask.ts';
import { sanitize, sanitizeStyled, toAscii } from './sanitize.ts';

/** A stream that may be a terminal: `process.stdout` and `process.stderr` are. */
export type TerminalStream = Writable & {
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
};

/** `foreign`: text that holds anything. `own`: put together by our views from clean parts, with our colours in it. */
type Origin = 'foreign' | 'own';

/** Text for the terminal, or a code that moves its cursor. */
export type DrawPart = string | { readonly control: string };

/** The one way out: every byte to a terminal or file is masked and made harmless here. */
export interface Sink {
  /** A line (or lines) of the result, to stdout. */
  result(text: string, origin?: Origin): void;
  /** A line (or lines) of progress, warnings and problems, to stderr. */
  message(text: string, origin?: Origin): void;
  /** Plain data as one line of JSON, to stdout. */
  json(value: object): void;
  /** Text and cursor moves to stderr, in one write. */
  draw(parts: readonly DrawPart[]): void;
  /** The size of the terminal behind stderr. */
  size(): { readonly columns: number; readonly rows: number };
  /** Resolves when everything has been handed to the operating system. */
  flush(): Promise<void>;
  /** Why stdout could not be written, unless its reader has just gone away. */
  readonly failure: Error | undefined;
}

/**
 * Makes the sink of a run. A reader of stdout that goes away (`provision … | head`) ends printing quietly, not the run.
 * @param options `unicode` false turns our signs into ASCII and everything else beyond ASCII into escapes, but in JSON
 * @example
 * const sink = createSink({ stdout: process.stdout, stderr: process.stderr, unicode: true });
 * sink.result('done');
 */
export function createSink(options: {
  readonly stdout: TerminalStream;
  readonly stderr: TerminalStream;
  readonly unicode: boolean;
}): Sink {
  const { stderr } = options;
  const out = new Outlet(options.stdout);
  const err = new Outlet(stderr);
  const encode = options.unicode ? (text: string) => text : toAscii;
  const clean = (text: string, origin: Origin) => {
    const masked = maskText(text);
    return encode(origin === 'own' ? sanitizeStyled(masked) : sanitize(masked));
  };
  return {
    result: (text, origin = 'foreign') => out.write(`${clean(text, origin)}\n`),
    message: (text, origin = 'foreign') => err.write(`${clean(text, origin)}\n`),
    json: (value) => out.write(`${jsonLine(value)}\n`),
    draw: (parts) =>
      err.write(parts.map((part) => (typeof part === 'string' ? clean(part, 'own') : part.control)).join('')),
    size: () => ({ columns: stderr.columns ?? 80, rows: stderr.rows ?? 24 }),
    flush: async () => void (await Promise.all([out.flush(), err.flush()])),
    get failure() {
      return out.failure;
    },
  };
}

class Outlet {
  readonly #stream: Writable;
  #closed = false;
  failure: Error | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    // Stays for good: a broken pipe may be reported long after the write that broke on it.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.#closed = true;
      if (error.code !== 'EPIPE') this.failure ??= error;
    });
  }

  write(text: string): void {
    if (!this.#closed && this.#stream.writable) this.#stream.write(text);
  }

  async flush(): Promise<void> {
    if (this.#closed || !this.#stream.writable) return;
    await new Promise<void>((resolve) => this.#stream.write('', () => resolve()));
  }
}
