import { accessSync, constants, lstatSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ProvisionError } from '../core/errors.ts';

/**
 * A folder for what can be made again; undefined where there is no place for it, as without a home. What lies there is run or
 * believed, and whoever can write there can run code as the user: so it must be the user's own and closed.
 * @throws ProvisionError `UNSAFE_PATH` when it is not
 */
export function cacheFolder(environment: NodeJS.ProcessEnv, name: string): string | undefined {
  const base = environment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folder = join(base, 'provision', name);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.W_OK);
  } catch {
    return undefined;
  }
  for (const path of [join(base, 'provision'), folder]) {
    const { uid, mode } = lstatSync(path);
    const foreign = process.getuid !== undefined && uid !== process.getuid();
    if (foreign || (mode & 0o022) !== 0) {
      throw new ProvisionError({
        code: 'UNSAFE_PATH',
        happened: `${path} could be written by another user, and what lies there is run`,
        remedy: `remove it, or: chown $USER ${path} && chmod 700 ${path}`,
      });
    }
  }
  return folder;
}
