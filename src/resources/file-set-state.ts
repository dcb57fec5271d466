import type { ReadHost } from '../core/host.ts';
import type { Script } from '../core/script.ts';
import { findFile, type FoundFile, type WantedFile } from './file-changes.ts';
import { fileContent, type FileContent, type ReadLocalFile } from './file-content.ts';
import { whyNoAnswer } from './no-answer.ts';

/** What a host has of a set of files, and what its service serves. */
export async function readFileSet(host: ReadHost, want: FileSetWant): Promise<FileSetHave> {
  // What is there can be asked while it is still open what shall be there.
  const looks = new Map(pathsOf(want).map((path) => [path, host.stat(path)]));
  const [discovered] = await Promise.all([want.discover?.(host), ...looks.values()]);
  const isKnown = want.discover === undefined || discovered !== undefined;
  const ready = want.files.filter(({ content }) => isKnown || typeof content !== 'function');
  const files = ready.map((file) => render(file, discovered));
  const [found, surplus, work] = await Promise.all([
    Promise.all(
      files.map(async (file) => ({ want: file, found: await findFile(host, file, looks.get(file.path)) })),
    ),
    Promise.all(want.remove.map(async (path) => ({ path, type: (await looks.get(path))?.type }))),
    looks.get(want.workFolder),
  ]);
  const unknown = want.files.filter((file) => !ready.includes(file)).map(({ path }) => path);
  const common = {
    files: found,
    unknown,
    surplus: surplus.filter((entry): entry is FoundAt => !!entry.type),
    unfinished: work !== undefined,
  };
  if (!isKnown) return common;
  const { expected } = want;
  const known = {
    discovered,
    expected: typeof expected === 'string' ? expected : expected(files, discovered),
  };
  const { serving } = await observeServing(host, want, discovered);
  return { ...common, known, ...(serving !== undefined && { serving }) };
}

function pathsOf({ files, remove, workFolder }: FileSetWant): string[] {
  return [...files.map(({ path }) => path), ...remove, workFolder];
}

function render({ content, ...file }: FileSetFile<unknown>, discovered: unknown): WantedFile {
  const actual = typeof content === 'function' ? content(discovered) : fileContent(content);
  return { mode: '0644', owner: 'root', group: 'root', ...file, content: actual };
}

/** What is served, and in words what was seen. */
export async function observeServing(
  host: ReadHost,
  want: FileSetWant,
  discovered: unknown,
): Promise<{ readonly serving?: string; readonly saw: string }> {
  try {
    const serving = await want.observe(host, discovered);
    return serving === undefined ? { saw: 'nothing that tells which one' } : { serving, saw: serving };
  } catch (error) {
    return { saw: await whyNoAnswer(host, error) };
  }
}

export interface FileSetFile<Discovered> {
  /** Absolute path on the host, below `root`. Missing folders are made, with mode 0755 and owner root. */
  readonly path: string;
  /** What is in it; a function when it depends on what was discovered on the host. */
  readonly content: FileContent | ReadLocalFile | ((discovered: Discovered) => string);
  /** Four octal digits. Default `0644`. */
  readonly mode?: string;
  /** Default `root`. */
  readonly owner?: string;
  /** Default `root`. */
  readonly group?: string;
}

export interface FileSetProps<Discovered> {
  /** What the files configure, in lower case: `nginx`. */
  readonly name: string;
  /** The folder that is staged and validated as a whole: `/etc/nginx`. */
  readonly root: string;
  /** What the content depends on, read from the host; undefined as long as an earlier step has yet to bring it. */
  readonly discover?: (host: ReadHost) => Promise<Discovered | undefined>;
  /**
   * Whether what was discovered is only what an earlier step is about to bring, so that some of it may turn out otherwise: the
   * plan then shows the files of it, and what is served as known after apply. Default: never.
   */
  readonly isForeseen?: (discovered: Discovered) => boolean;
  readonly files: readonly FileSetFile<Discovered>[];
  /** Absolute paths below `root` of files or links that must not be there. */
  readonly remove?: readonly string[];
  /** Ends with 0 when the tree at `root` is valid. Runs while the new files appear there, for it alone. */
  readonly validate: Script;
  /** Makes the running service use the files: reload it, or start it. */
  readonly activate: Script;
  /** What the service serves now, in a form to compare with `expected`. No answer to a request counts as undefined. */
  readonly observe: (host: ReadHost, discovered: Discovered) => Promise<string | undefined>;
  /** What `observe` gives once the files are live. */
  readonly expected: string | ((files: readonly WantedFile[], discovered: Discovered) => string);
  /** Prints why a service may have kept its old configuration: the end of its error log. */
  readonly diagnose?: Script;
  /** Where staged and old files are kept meanwhile. Default `/var/lib/provision/file-sets/NAME`. */
  readonly workFolder?: string;
}

/** The props with all that has a default. */
export type FileSetWant = Required<Omit<FileSetProps<unknown>, 'discover' | 'isForeseen' | 'diagnose'>> &
  Pick<FileSetProps<unknown>, 'discover' | 'isForeseen' | 'diagnose'>;

/** What a host has of a set of files. */
export interface FileSetHave {
  /** Missing as long as the content cannot be known. */
  readonly known?: { readonly discovered: unknown; readonly expected: string };
  /** The files whose content is known. */
  readonly files: readonly { readonly want: WantedFile; readonly found: FoundFile | undefined }[];
  /** Paths whose content is not known yet. */
  readonly unknown: readonly string[];
  /** What is there and must not be. */
  readonly surplus: readonly FoundAt[];
  /** Whether the work of a run that died is still there, with the old files and keys that it kept. */
  readonly unfinished: boolean;
  readonly serving?: string;
}

interface FoundAt {
  readonly path: string;
  readonly type: FoundFile['type'];
}
