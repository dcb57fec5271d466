import type { Stats } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ProvisionError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { replaceFile, unfinishedSuffix } from '../local/replace-file.ts';

/** The files of a private CA, in the order in which they are made: each one from those before it. */
export const caFileNames = ['ca-key.pem', 'ca.pem', 'key.pem', 'fullchain.pem'] as const;

export type CaFileName = (typeof caFileNames)[number];

/** The folder of a private CA, or a shadow of it that keeps what is new to itself. */
export interface CaFolder {
  /** A temporary folder with mode 0700, gone after `close`. */
  readonly scratch: string;
  /** How messages call the file. */
  nameOf(name: CaFileName): string;
  /** Where the file can be read; absolute. */
  pathOf(name: CaFileName): string;
  read(name: CaFileName): Promise<string | undefined>;
  /** Gives the file its content in one step. One that should be new and is not stays: another run was faster. */
  place(name: CaFileName, content: string | Secret, how: 'new' | 'replace'): Promise<void>;
  /** Removes what a killed run left, and narrows modes that a copy or a checkout has widened. */
  tidy(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the folder, and makes it with mode 0700 when it is absent. With `persist: false` nothing in it is touched:
 * what is placed goes to a temporary folder that `close` removes.
 */
export async function openCaFolder(folder: string, { persist }: { persist: boolean }): Promise<CaFolder> {
  if (persist) await mkdir(folder, { recursive: true, mode: 0o700 }).catch(cannot('make', folder));
  await throwUnsafe(folder);
  // mkdtemp makes it 0700.
  const scratch = await mkdtemp(join(tmpdir(), 'provision-ca-')).catch(cannot('write to', tmpdir()));
  const shadowed = new Set<CaFileName>();
  const pathOf = (name: CaFileName) => resolve(shadowed.has(name) ? scratch : folder, name);
  return {
    scratch,
    nameOf: (name) => join(folder, name),
    pathOf,
    read: async (name) => readIfPresent(pathOf(name)),
    async place(name, content, how) {
      if (!persist) shadowed.add(name);
      placeFile(pathOf(name), content instanceof Secret ? content.reveal() : content, how);
    },
    tidy: async () => (persist ? tidy(folder) : undefined),
    close: async () => rm(scratch, { recursive: true, force: true }),
  };
}

/** One that should be new yields to that of another run which works in the same folder: then both use that one's. */
function placeFile(path: string, content: string, how: 'new' | 'replace'): void {
  try {
    replaceFile(path, content, { yields: how === 'new' });
  } catch (error) {
    cannot('write', path)(error);
  }
}

async function tidy(folder: string): Promise<void> {
  const anHourAgo = Date.now() - 60 * 60 * 1000;
  for (const entry of await readdir(folder).catch(cannot('read', folder))) {
    const path = join(folder, entry);
    const isOurs =
      caFileNames.some((name) => entry.startsWith(`${name}.`)) && entry.endsWith(unfinishedSuffix);
    // A younger one may belong to a run that is at work.
    if (isOurs && ((await statIfPresent(path))?.mtimeMs ?? Infinity) < anHourAgo) await unlink(path);
    const isKept = caFileNames.some((name) => name === entry);
    if (isKept && ((await stat(path)).mode & 0o077) !== 0)
      await chmod(path, 0o600).catch(cannot('protect', path));
  }
}

async function throwUnsafe(folder: string): Promise<void> {
  const found = await statIfPresent(folder);
  if (!found) return;
  if (!found.isDirectory()) {
    throw new ProvisionError({
      code: 'LOCAL',
      happened: `${folder} is not a folder`,
      remedy: 'name another one',
    });
  }
  const mine = process.getuid?.();
  const isMine = mine === undefined || found.uid === mine || found.uid === 0;
  if (isMine && (found.mode & 0o022) === 0) return;
  throw new ProvisionError({
    code: 'UNSAFE_PATH',
    happened: `${folder} is to hold the key of a CA, and other users can write to it`,
    remedy: `own the folder and run: chmod 700 ${folder}`,
  });
}

async function readIfPresent(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: unknown) =>
    isAbsent(error) ? undefined : cannot('read', path)(error),
  );
}

async function statIfPresent(path: string): Promise<Stats | undefined> {
  return stat(path).catch((error: unknown) => (isAbsent(error) ? undefined : cannot('look at', path)(error)));
}

function isAbsent(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

function cannot(verb: string, path: string): (error: unknown) => never {
  return (error) => {
    const happened = `cannot ${verb} ${path}: ${codeOf(error)}`;
    throw new ProvisionError(
      { code: 'LOCAL', happened, remedy: 'check the path, its owner and its mode' },
      { cause: error },
    );
  };
}
