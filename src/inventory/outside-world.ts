import type { FieldContext } from '../core/field.ts';
import { Secret } from '../core/secret.ts';
import type { LocalFolder } from '../core/local-folder.ts';
import type { LargeFile } from '../core/large-file.ts';
import { openLargeFile } from './open-large-file.ts';
import { absolutePath } from './absolute-path.ts';
import { AgeFiles, type AskSecret } from './age-files.ts';
import { readFolder } from './read-folder.ts';
import { readRegularFile } from './read-regular-file.ts';
import { readSecret } from './read-secret.ts';

/** What the command line knows of the machine that it runs on. The inventory itself never looks at the environment. */
export interface OutsideWorld {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What programs get that are run for a secret; without the variables that hold secrets. Default: `environment`. */
  readonly commandEnvironment?: Readonly<Record<string, string | undefined>>;
  /** The encrypted files of this run. Default: there is nothing to open them with. */
  readonly ageFiles?: AgeFiles;
  /** False when nobody logs in anywhere: no secret is then looked for. Default true. */
  readonly readsSecrets?: boolean;
  /** The hosts that somebody logs in to: no password of the others is looked for. Default: all. */
  readonly logsInTo?: ReadonlySet<string>;
  /** Asks a person for a secret, once a run for each text. Left out when nobody can be asked. */
  readonly askSecret?: AskSecret;
  /** What `~` stands for; absolute. */
  readonly home: string;
  /** Login name on hosts for which the inventory gives none. */
  readonly user: string;
  /** Where a host really is that is named like this; what the configuration of ssh says. Default: the name itself. */
  readonly hostName?: (host: {
    readonly name: string;
    readonly user?: string;
    readonly port?: number;
  }) => string;
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
    readFolder: (path) => foldersOf(world, resolvePath(path)),
    largeFile: (path) => openLargeFile(resolvePath(path), largeFilesOf(world)),
    readSecret: async (source, inner) => {
      const ofSecret = inner === '' ? name : `${name}.${inner}`;
      if (world.readsSecrets === false) return new Secret('', ofSecret);
      return readSecret(source, ofSecret, {
        environment: world.environment,
        commandEnvironment: world.commandEnvironment ?? world.environment,
        ageFiles: world.ageFiles ?? new AgeFiles({}),
        ask: world.askSecret,
        folder,
        resolvePath,
      });
    },
  };
}

// So that one file in the vars of many hosts is one value, which hashes it once.
const largeFiles = new WeakMap<OutsideWorld, Map<string, LargeFile>>();

function largeFilesOf(world: OutsideWorld): Map<string, LargeFile> {
  const files = largeFiles.get(world) ?? new Map<string, LargeFile>();
  largeFiles.set(world, files);
  return files;
}

// So that one folder in the vars of many hosts is read once.
const folders = new WeakMap<OutsideWorld, Map<string, Promise<LocalFolder['files']>>>();

function foldersOf(world: OutsideWorld, path: string): Promise<LocalFolder['files']> {
  const known = folders.get(world) ?? new Map<string, Promise<LocalFolder['files']>>();
  folders.set(world, known);
  const files = known.get(path) ?? readFolder(path);
  known.set(path, files);
  return files;
}
