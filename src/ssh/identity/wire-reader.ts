/**
 * Reads the fields of an SSH message one after the other.
 * Every method throws an Error when the message ends too early: what is cut off must never be read as something else.
 * @see RFC 4251, section 5
 */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** How many bytes have been read. */
  get position(): number {
    return this.#at;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    return this.#take(1).readUInt8();
  }

  uint32(): number {
    return this.#take(4).readUInt32BE();
  }

  uint64(): bigint {
    return this.#take(8).readBigUInt64BE();
  }

  /** A copy of a string of bytes. */
  string(): Buffer {
    return Buffer.from(this.#take(this.uint32()));
  }

  text(): string {
    return this.string().toString('utf8');
  }

  /** A positive number of any size, without leading zeros. */
  mpint(): Buffer {
    const bytes = this.string();
    if ((bytes[0] ?? 0) & 0x80) throw new Error('a number is negative');
    const start = bytes.findIndex((byte) => byte !== 0);
    return start < 0 ? Buffer.alloc(0) : bytes.subarray(start);
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Error('it ends too early');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

/** A string as it goes over the wire: its length, and its bytes. */
export function wireString(content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A positive number as it goes over the wire: as short as possible, and with a zero in front where it would look negative. */
export function wireNumber(bytes: Buffer): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0);
  const short = start < 0 ? Buffer.alloc(0) : bytes.subarray(start);
  return wireString((short[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.alloc(1), short]) : short);
}
