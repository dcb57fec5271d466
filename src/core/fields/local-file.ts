import type { FieldContext } from '../field.ts';
import { unsafeCharacter } from './safe-text.ts';
import { defineField, type AskableField } from './value-field.ts';
import { problem, wrong } from './wrong.ts';

/** A file of the controller, read before anything is contacted. */
export interface LocalFile {
  /** Absolute. */
  readonly path: string;
  readonly content: Uint8Array;
  /** The content as UTF-8. Throws a TypeError when it is not. */
  text(): string;
}

/**
 * A file beside the inventory or anywhere on the controller, of at most 1 MB, that is not secret.
 * @example
 * localFile({ extensions: ['.pem', '.crt'] }).ask('Certificate chain')
 */
export function localFile(
  options: {
    /** What the prompt offers: `['.pem', '.crt']`. Other files are accepted all the same. */
    readonly extensions?: readonly string[];
  } = {},
): AskableField<LocalFile> {
  return defineField<LocalFile>({
    expects: expectsFile,
    schema: { type: 'string', minLength: 1 },
    toQuestion: (message) => ({ type: 'path', message, ...options }),
    async parse(value, context) {
      const read = await readLocal(value, context);
      if ('problems' in read) return read;
      return { value: localFileOf(read.path, read.content) };
    },
  });
}

/** The value of a file that has been read. */
export function localFileOf(path: string, content: Uint8Array): LocalFile {
  const text = () => new TextDecoder('utf-8', { fatal: true }).decode(content);
  const file = Object.freeze({ path, content, text });
  made.add(file);
  return file;
}

/** Whether a value is that of a file that has been read. */
export function isLocalFile(value: object): value is LocalFile {
  return made.has(value);
}

const made = new WeakSet<object>();

export const expectsFile = 'the path of a file';

/** The content of the file that a value names, or why there is none. */
export async function readLocal(value: unknown, context: FieldContext) {
  const read = await namedFile(value, context, (path) => context.readFile(path));
  return 'problems' in read ? read : { path: read.path, ...read.found };
}

/** What is found at the path that a value names, or why nothing is. */
export async function namedFile<T>(
  value: unknown,
  context: FieldContext,
  find: (path: string) => Promise<T>,
  expects = expectsFile,
): Promise<{ path: string; found: T } | ReturnType<typeof problem>> {
  if (typeof value !== 'string' || value === '') return wrong(expects, value);
  const unsafe = unsafeCharacter(value);
  if (unsafe) return problem(`must be ${expects}, but holds ${unsafe}`);
  try {
    const path = context.resolvePath(value);
    return { path, found: await find(path) };
  } catch (error) {
    return problem(
      error instanceof Error ? error.message : String(error),
      'check the path; relative ones start at the inventory',
    );
  }
}
