import type { Json } from './change.ts';
import type { LocalFolder } from './local-folder.ts';
import type { LargeFile } from './large-file.ts';
import type { Secret } from './secret.ts';

/** How a person is asked for a value that the inventory leaves open. */
export type Question =
  | { readonly type: 'text'; readonly message: string }
  | { readonly type: 'secret'; readonly message: string }
  | { readonly type: 'path'; readonly message: string; readonly extensions?: readonly string[] }
  | {
      readonly type: 'choice';
      readonly message: string;
      readonly choices: readonly {
        readonly value: string;
        readonly title: string;
        readonly description?: string;
        /** Asked next when this one is chosen; the answers become one mapping together with the choice. */
        readonly fields: Readonly<Record<string, AnyField>>;
      }[];
    };

/** A fault in one value, at a path below it. */
export interface FieldProblem {
  readonly path: readonly (string | number)[];
  /** What is wrong. Names the type that was found, never the value: it may be a secret in the wrong place. */
  readonly happened: string;
  readonly remedy?: string;
}

/** What a field may use of the outside world, handed in by the inventory. */
export interface FieldContext {
  /** Folder of the inventory: relative paths start here. */
  readonly folder: string;
  /** The raw values of the same host or group, for checks across fields. */
  readonly vars: Readonly<Record<string, unknown>>;
  readonly now: Date;
  /** True when nothing may be written, not even beside the inventory. */
  readonly readOnly: boolean;
  /** Absolute path of a path in the inventory: `~` and relative paths resolved. */
  resolvePath(path: string): string;
  /** Throws an Error with a plain message when the file cannot be read. At most 1 MB. */
  readFile(path: string): Promise<{ content: Uint8Array; mode: number }>;
  /** All files below a folder, by their paths in it. Throws an Error with a plain message when it cannot be read. */
  readFolder(path: string): Promise<LocalFolder['files']>;
  /** A file of any size, which is not read yet. Throws an Error with a plain message when it could not be. */
  largeFile(path: string): Promise<LargeFile>;
  /** The value behind `{ env: NAME }` and the other sources of a secret. Throws a plain Error. */
  readSecret(source: unknown, name: string): Promise<Secret>;
  /** Something a person should know that does not stop the run. */
  warn(path: readonly (string | number)[], text: string): void;
}

export type Parsed<T> = { readonly value: T } | { readonly problems: readonly FieldProblem[] };

/** The type of one inventory value: how it is read, what it becomes, and how it is asked for. */
export interface Field<T> {
  /** What is expected, for messages: `a host name such as rancher.example.com`. */
  readonly expects: string;
  /** Set when the value may be left out: what it is then. */
  readonly fallback?: { readonly value: T };
  readonly question?: Question;
  /** Set when what it becomes is a secret, or holds nothing but secrets. */
  readonly isSecret?: true;
  /** JSON Schema of what a person writes in the YAML. */
  readonly schema: Json;
  parse(value: unknown, context: FieldContext): Promise<Parsed<T>>;
}

// A field is covariant in its type, so unknown stands for all of them.
export type AnyField = Field<unknown>;

export type FieldMap = Readonly<Record<string, AnyField>>;

/** The typed vars that a map of fields yields. */
export type VarsOf<F extends FieldMap> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };
