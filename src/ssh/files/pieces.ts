import type { LargeFile } from '../../core/large-file.ts';
import { isLargeFile } from '../../core/large-file.ts';

/** Content cut into pieces of at most `size` bytes; those of a large file are read when they are asked for. */
export async function* inPieces(
  content: Uint8Array | LargeFile,
  size: number,
): AsyncGenerator<Buffer, void, undefined> {
  if (!isLargeFile(content)) return yield* cut(content, size);
  for await (const read of content.read()) yield* cut(read, size);
}

function* cut(bytes: Uint8Array, size: number): Generator<Buffer, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) {
    yield Buffer.from(bytes.buffer, bytes.byteOffset + at, Math.min(size, bytes.length - at));
  }
}
