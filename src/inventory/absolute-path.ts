import { resolve } from 'node:path';

/**
 * Absolute path of a path in the inventory: `~` is the user's home, relative ones start at `folder`.
 * @throws Error with a message for people for the home of another user
 * @example
 * absolutePath('~/key.txt', '/srv/site', '/home/me'); // => '/home/me/key.txt'
 */
export function absolutePath(path: string, folder: string, home: string): string {
  if (path === '~' || path.startsWith('~/')) return resolve(home, `.${path.slice(1)}`);
  if (path.startsWith('~')) throw new Error('~ stands for your own home only; give the whole path');
  return resolve(folder, path);
}
