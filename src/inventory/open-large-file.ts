import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { ProvisionError } from '../core/errors.ts';
import type { LargeFile } from '../core/large-file.ts';
import { openForReading } from './read-regular-file.ts';

const pieceBytes = 256 * 1024;

/**
 * Looks at a file of any size without reading it. The same path in `opened` is the same value.
 * @throws Error with a message for people when it is absent, no regular file or not readable
 */
export async function openLargeFile(path: string, opened: Map<string, LargeFile>): Promise<LargeFile> {
  const known = opened.get(path);
  if (known) return known;
  const file = await openForReading(path);
  try {
    const state = await file.stat({ bigint: true });
    if (!state.isFile()) throw new Error(`${path} is not a regular file`);
    // Two hosts may have asked in the same moment.
    const large = opened.get(path) ?? new LookedAtFile(path, state);
    opened.set(path, large);
    return large;
  } finally {
    await file.close();
  }
}

/** What tells whether a file is still the one that was looked at, wherever it is looked at again. */
export function stampOf(file: LargeFile): string {
  return file instanceof LookedAtFile ? file.stamp : '';
}

/** A file that must stay as it was when it was looked at: its size, its time of change and, once it is known, its hash. */
class LookedAtFile implements LargeFile {
  readonly path: string;
  readonly size: number;
  readonly #state: BigIntStats;
  #sha256: Promise<string> | undefined;

  constructor(path: string, state: BigIntStats) {
    this.path = path;
    this.size = Number(state.size);
    this.#state = state;
  }

  get stamp(): string {
    return `${this.#state.size} ${this.#state.mtimeNs}`;
  }

  sha256(): Promise<string> {
    this.#sha256 ??= this.#hash().catch((error: unknown) => {
      this.#sha256 = undefined;
      throw error;
    });
    return this.#sha256;
  }

  async *read(): AsyncGenerator<Uint8Array> {
    const sha256 = yield* this.#pieces();
    // Who sends a file has hashed it too, so that the hash need not be made from another reading.
    this.#sha256 ??= Promise.resolve(sha256);
    if ((await this.#sha256) !== sha256) throw this.#changed('its bytes differ, its time of change does not');
  }

  async #hash(): Promise<string> {
    const pieces = this.#pieces();
    for (;;) {
      const { done, value } = await pieces.next();
      if (done) return value;
    }
  }

  async *#pieces(): AsyncGenerator<Uint8Array, string> {
    const file = await openForReading(this.path).catch((error: unknown) => {
      throw this.#unreadable(error instanceof Error ? error.message : String(error));
    });
    try {
      await this.#requireSame(file);
      const hash = createHash('sha256');
      for (let at = 0; at < this.size;) {
        const buffer = Buffer.allocUnsafe(Math.min(pieceBytes, this.size - at));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, at).catch((error: unknown) => {
          throw this.#unreadable(`${this.path}: ${error instanceof Error ? error.message : String(error)}`);
        });
        if (bytesRead === 0) throw this.#changed(`it ends after ${at} of ${this.size} bytes`);
        const piece = buffer.subarray(0, bytesRead);
        hash.update(piece);
        at += bytesRead;
        yield piece;
      }
      await this.#requireSame(file);
      return hash.digest('hex');
    } finally {
      await file.close();
    }
  }

  async #requireSame(file: FileHandle): Promise<void> {
    const now = await file.stat({ bigint: true });
    const { size, mtimeNs } = this.#state;
    if (now.size !== size) throw this.#changed(`it had ${size} bytes and now has ${now.size}`);
    if (now.mtimeNs !== mtimeNs) throw this.#changed('its time of change is another one');
  }

  #changed(how: string): ProvisionError {
    return new ProvisionError({
      code: 'LOCAL',
      happened: `the file ${this.path} changed during the run: ${how}`,
      hostState: 'nothing was replaced by it',
      remedy: 'run again when nothing writes to it any more',
    });
  }

  #unreadable(why: string): ProvisionError {
    return new ProvisionError({
      code: 'LOCAL',
      happened: `the file cannot be read any more: ${why}`,
      hostState: 'nothing was replaced by it',
      remedy: 'put it back and run again',
    });
  }
}
