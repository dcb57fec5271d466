import { resolve } from 'node:path';
import type { FieldContext } from '../core/field.ts';
import type { LargeFile } from '../core/large-file.ts';
import { openLargeFile } from './open-large-file.ts';
import { readRegularFile } from './read-regular-file.ts';
import { readSecret } from './read-secret.ts';

/** What the command line knows of the machine that it runs on. The inventory itself never looks at the environment. */
export interface OutsideWorld {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What `~` stands for; absolute. */
  readonly home: string;
  /** Login name on hosts for which the inventory gives none. */
  readonly user: string;
  readonly now: Date;
  /** True when nothing may be written, not even beside the inventory. */
  readonly readOnly: boolean;
}

/** Warnings of one value: where in the value, and what. */
export type Warn = FieldContext['warn'];

/** The context of one value; `name` is put in front of the names of its secrets. */
export function fieldContext(
  world: OutsideWorld,
  value: {
    readonly folder: string;
    readonly name: string;
    readonly vars: FieldContext['vars'];
    readonly warn: Warn;
  },
): FieldContext {
  const { folder, name, vars, warn } = value;
  const resolvePath = (path: string) => absolutePath(path, folder, world.home);
  return {
    folder,
    vars,
    now: world.now,
    readOnly: world.readOnly,
    resolvePath,
    warn,
    readFile: (path) => readRegularFile(resolvePath(path), 1_000_000),
    largeFile: (path) => openLargeFile(resolvePath(path), largeFilesOf(world)),
    readSecret: (source, inner) =>
      readSecret(source, inner === '' ? name : `${name}.${inner}`, {
        environment: world.environment,
        folder,
        resolvePath,
      }),
  };
}

// So that one file in the vars of many hosts is one value, which hashes it once.
const largeFiles = new WeakMap<OutsideWorld, Map<string, LargeFile>>();

function largeFilesOf(world: OutsideWorld): Map<string, LargeFile> {
  const files = largeFiles.get(world) ?? new Map<string, LargeFile>();
  largeFiles.set(world, files);
  return files;
}

function absolutePath(path: string, folder: string, home: string): string {
  if (path === '~' || path.startsWith('~/')) return resolve(home, `.${path.slice(1)}`);
  if (path.startsWith('~')) throw new Error('~ stands for your own home only; give the whole path');
  return resolve(folder, path);
}
