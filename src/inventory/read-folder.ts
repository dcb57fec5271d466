import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalFolder } from '../core/local-folder.ts';
import { readRegularFile } from './read-regular-file.ts';

const mostFiles = 2000;
const mostBytes = 64 * 1024 * 1024;

/**
 * All files below a folder, by their paths in it.
 * @throws Error with a message for people when it is no folder, holds a link or anything else that is neither a file nor a
 *   folder, a name that cannot be carried over, or too much
 */
export async function readFolder(path: string): Promise<LocalFolder['files']> {
  const state = await lstat(path).catch(() => undefined);
  if (state === undefined) throw new Error(`${path} does not exist`);
  // What a person names may be a link; what lies below may not.
  const files: Record<string, LocalFolder['files'][string]> = {};
  let bytes = 0;
  const walk = async (folder: string, below: string): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
      throw new Error(
        `${folder} cannot be read as a folder (${(error as NodeJS.ErrnoException).code ?? String(error)})`,
        { cause: error },
      );
    });
    for (const entry of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
      const full = join(folder, entry.name);
      // Names that are not UTF-8 arrive as this character.
      if (entry.name.includes('\ufffd')) throw new Error(`${full} has a name that is not UTF-8`);
      if (entry.isDirectory()) {
        await walk(full, `${below}${entry.name}/`);
        continue;
      }
      if (!entry.isFile())
        throw new Error(`${full} is ${entry.isSymbolicLink() ? 'a link' : 'no regular file'}`);
      const { content, mode } = await readRegularFile(full, mostBytes - bytes);
      bytes += content.length;
      files[below + entry.name] = Object.freeze({ content, executable: (mode & 0o111) !== 0 });
      if (Object.keys(files).length > mostFiles)
        throw new Error(`${path} holds more than ${mostFiles} files`);
    }
  };
  await walk(path, '');
  return Object.freeze(files);
}
