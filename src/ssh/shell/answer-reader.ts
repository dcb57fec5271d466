import { BoundedOutput } from './bounded-output.ts';

/** One stream's part of an answer: the number in the marker, and what came before it. */
export interface StreamAnswer {
  readonly value: number;
  readonly text: string;
}

export interface AnswerReaderOptions {
  /** Printed by the shell at the start of a line, followed by a space and a number. */
  readonly marker: string;
  /** Bytes kept of the beginning and of the end of each answer. */
  readonly keep: { readonly head: number; readonly tail: number };
  onAnswer(answer: StreamAnswer): void;
}

const maxDigits = 11;

/**
 * Splits a stream of the shell at the markers. Works on bytes: a chunk may end inside a marker or inside a character.
 */
export class AnswerReader {
  readonly #options: AnswerReaderOptions;
  readonly #start: Buffer;
  #rest: Buffer = Buffer.alloc(0);
  #output: BoundedOutput;

  constructor(options: AnswerReaderOptions) {
    this.#options = options;
    this.#start = Buffer.from(`\n${options.marker} `);
    this.#output = this.#fresh();
  }

  /** What came since the last marker. */
  get unanswered(): string {
    return this.#output.text() + this.#rest.toString('utf8');
  }

  push(chunk: Buffer): void {
    let bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    for (;;) {
      const at = bytes.indexOf(this.#start);
      if (at < 0) {
        const safe = Math.max(0, bytes.length - this.#start.length + 1);
        this.#output.push(bytes.subarray(0, safe));
        this.#rest = bytes.subarray(safe);
        return;
      }
      const end = bytes.indexOf('\n', at + 1);
      this.#output.push(bytes.subarray(0, at));
      if (end < 0 && bytes.length - at < this.#start.length + maxDigits) {
        this.#rest = bytes.subarray(at);
        return;
      }
      const number = bytes.toString('latin1', at + this.#start.length, end < 0 ? undefined : end);
      if (!/^\d{1,10}$/.test(number)) {
        this.#output.push(bytes.subarray(at, at + this.#start.length));
        bytes = bytes.subarray(at + this.#start.length);
        continue;
      }
      const value = Number(number);
      const text = this.#output.text();
      this.#output = this.#fresh();
      bytes = bytes.subarray(end + 1);
      this.#options.onAnswer({ value, text });
    }
  }

  #fresh(): BoundedOutput {
    return new BoundedOutput(this.#options.keep.head, this.#options.keep.tail);
  }
}
