import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

/**
 * The content of a regular file, with its permission bits and owner as they are at the moment of reading.
 * @throws Error with a message for people when it is absent, no regular file, too large or not readable
 */
export async function readRegularFile(
  path: string,
  maxBytes: number,
): Promise<{ content: Uint8Array; mode: number; uid: number }> {
  const file = await openForReading(path);
  try {
    const state = await file.stat();
    if (!state.isFile()) throw new Error(`${path} is not a regular file`);
    const tooLarge = `${path} has more than ${maxBytes} bytes`;
    if (state.size > maxBytes) throw new Error(tooLarge);
    const content = await file.readFile();
    if (content.length > maxBytes) throw new Error(tooLarge);
    return { content, mode: state.mode & 0o7777, uid: state.uid };
  } finally {
    await file.close();
  }
}

/** Never waits for a named pipe to be written to. Throws an Error with a message for people. */
export async function openForReading(path: string): Promise<FileHandle> {
  try {
    // Without O_NONBLOCK a named pipe would hold the run for ever.
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reasons: Record<string, string> = {
      ENOENT: 'does not exist',
      ENOTDIR: 'does not exist',
      EACCES: 'may not be read by this user',
      EISDIR: 'is a folder',
      ELOOP: 'is a link to itself',
    };
    throw new Error(`${path} ${reasons[code ?? ''] ?? `cannot be read (${code ?? message})`}`, {
      cause: error,
    });
  }
}
