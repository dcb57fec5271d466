import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { ProvisionError } from '../core/errors.ts';

/**
 * Makes sure that records can be kept in this folder, `…/provision/runs`, and that nobody else can put any there.
 * @throws ProvisionError `UNSAFE_PATH` for a link, or where others could write; `LOCAL` where it cannot be made
 */
export function openRecordsFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    const happened = `${folder} cannot be made: ${error instanceof Error ? error.message : String(error)}`;
    throw new ProvisionError({ code: 'LOCAL', happened }, { cause: error });
  }
  for (const path of [dirname(folder), folder]) refuseForeign(path);
}

/** @throws ProvisionError `UNSAFE_PATH` */
function refuseForeign(path: string): void {
  const { uid, mode, ...found } = pick(path);
  const happened = !found.isDirectory
    ? `${path} is a link, not a folder`
    : process.getuid !== undefined && uid !== process.getuid()
      ? `${path} belongs to another user`
      : (mode & 0o022) !== 0
        ? `${path} could be written by another user`
        : undefined;
  if (happened !== undefined)
    throw new ProvisionError({
      code: 'UNSAFE_PATH',
      happened,
      remedy: `remove it, or: chown $USER ${path} && chmod 700 ${path}`,
    });
  if ((mode & 0o077) !== 0) chmodSync(path, 0o700);
}

function pick(path: string): { uid: number; mode: number; isDirectory: boolean } {
  const found = lstatSync(path);
  return { uid: found.uid, mode: found.mode, isDirectory: found.isDirectory() };
}
