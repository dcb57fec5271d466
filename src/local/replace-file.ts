import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
  type Stats,
} from 'node:fs';

export interface ReplaceOptions {
  /** The new file has the mode and the owner of the old one. Default: mode 0600, of this user. */
  readonly keepsMode?: boolean;
  /** A file that is there already stays, and the new one is given up. */
  readonly yields?: boolean;
  /** Whether the content is on the disk before the file has its name, for a power cut. Default true. */
  readonly flush?: boolean;
}

/** How the name of a file ends that is not whole yet: what a killed process has left of it. */
export const unfinishedSuffix = '.new';

/**
 * Gives a file of this machine its content, whole or not at all: whoever reads it at any moment meets the old file or the new
 * one. It is written beside its place, for this user only. Never through a symbolic link: who wants that resolves it before.
 *
 * Synchronous, as some of it is the last thing that a process does.
 * @throws Error when it cannot be written, or something else than a file is there; that is then as it was
 * @example
 * replaceFile('plan.json', text);
 */
export function replaceFile(path: string, content: string, options: ReplaceOptions = {}): void {
  const old = lstatSync(path, { throwIfNoEntry: false });
  if (old && !old.isFile())
    throw new Error(`${path} is ${old.isSymbolicLink() ? 'a symbolic link' : 'no file'}`);
  const fresh = `${path}.${randomBytes(8).toString('hex')}${unfinishedSuffix}`;
  const descriptor = openSync(fresh, 'wx', 0o600);
  try {
    try {
      writeFileSync(descriptor, content);
      if (old && options.keepsMode) makeAlike(descriptor, old);
      if (options.flush ?? true) fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    if (options.yields) linkOrYield(fresh, path);
    else renameSync(fresh, path);
  } finally {
    rmSync(fresh, { force: true });
  }
}

/** The owner first: as long as it is another one, nobody else may read it. */
function makeAlike(descriptor: number, { mode, uid, gid }: Stats): void {
  const own = fstatSync(descriptor);
  if (own.uid !== uid || own.gid !== gid) fchownSync(descriptor, uid, gid);
  fchmodSync(descriptor, mode & 0o7777);
}

/** Gives the file its name, unless another process was faster. */
function linkOrYield(fresh: string, path: string): void {
  try {
    linkSync(fresh, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    // Some file systems have no hard links.
    renameSync(fresh, path);
  }
}
