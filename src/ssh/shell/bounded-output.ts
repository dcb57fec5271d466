/** Keeps the beginning and the end of a stream of any length in bounded memory. */
export class BoundedOutput {
  readonly #headLimit: number;
  readonly #tailLimit: number;
  readonly #head: Buffer[] = [];
  #headSize = 0;
  #tail: Buffer[] = [];
  #tailSize = 0;
  #dropped = 0;

  /** Limits in bytes; what is not longer than both together is kept unchanged. */
  constructor(headLimit: number, tailLimit: number) {
    this.#headLimit = headLimit;
    this.#tailLimit = tailLimit;
  }

  push(chunk: Buffer): void {
    const room = this.#headLimit - this.#headSize;
    if (room > 0) {
      const part = chunk.subarray(0, room);
      this.#head.push(part);
      this.#headSize += part.length;
    }
    if (chunk.length > room) this.#pushTail(room > 0 ? chunk.subarray(room) : chunk);
  }

  /** Decoded once, as UTF-8; a marker stands where bytes were left out. */
  text(): string {
    const head = Buffer.concat(this.#head);
    const tail = Buffer.concat(this.#tail);
    const overhang = Math.max(0, tail.length - this.#tailLimit);
    const dropped = this.#dropped + overhang;
    if (dropped === 0) return Buffer.concat([head, tail]).toString('utf8');
    const end = tail.subarray(overhang);
    return `${cutEnd(head).toString('utf8')}\n[… ${dropped} bytes left out …]\n${cutStart(end).toString('utf8')}`;
  }

  #pushTail(chunk: Buffer): void {
    this.#tail.push(chunk);
    this.#tailSize += chunk.length;
    // Many small chunks would weigh more than their bytes: they are joined once in a while.
    if (this.#tailSize > 2 * this.#tailLimit || this.#tail.length > 1024) this.#trimTail();
  }

  #trimTail(): void {
    const joined = Buffer.concat(this.#tail);
    const overhang = Math.max(0, joined.length - this.#tailLimit);
    this.#dropped += overhang;
    // A copy, or the small rest would keep the large buffer alive.
    this.#tail = [Buffer.from(joined.subarray(overhang))];
    this.#tailSize = joined.length - overhang;
  }
}

const isContinuation = (byte: number | undefined) => byte !== undefined && (byte & 0xc0) === 0x80;

/** Without the character that the cut went through, which would read as damaged although it was not. */
function cutEnd(bytes: Buffer): Buffer {
  let start = bytes.length - 1;
  while (start > 0 && bytes.length - start < 4 && isContinuation(bytes[start])) start--;
  const lead = bytes[start] ?? 0;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return start + length > bytes.length ? bytes.subarray(0, start) : bytes;
}

function cutStart(bytes: Buffer): Buffer {
  let start = 0;
  while (start < 3 && isContinuation(bytes[start])) start++;
  return bytes.subarray(start);
}
