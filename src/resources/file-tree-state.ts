import type { Change } from '../core/change.ts';
import { ProvisionError } from '../core/errors.ts';
import type { FileState, ReadHost } from '../core/host.ts';
import { joinScripts, Script, sh } from '../core/script.ts';
import { Secret } from '../core/secret.ts';
import { outline, sha256Of } from './file-content.ts';
import { leftoverPrefix, type WantedTree, type WantedTreeFile } from './file-tree-want.ts';

/** What is where a tree is wanted. */
export interface FoundTree {
  /** Of each wanted path where anything is. */
  readonly entries: Readonly<Record<string, FileState>>;
  /** Absolute paths of what a run that was broken off has left. */
  readonly leftovers: readonly string[];
  /** Absolute paths of what nobody wants, each before what is in it; empty unless the tree is to be purged. */
  readonly extra: readonly string[];
}

/** What of it counts for a plan: the size of a folder is that of a list in which others write too. */
export function lastingTree({ entries, ...rest }: FoundTree): unknown {
  const lasting = Object.entries(entries).map(([path, { size, ...state }]) => [
    path,
    state.type === 'file' ? { ...state, size } : state,
  ]);
  return { ...rest, entries: Object.fromEntries(lasting) as unknown };
}

// More than this is nothing that a purge was meant for.
const mostExtra = 4000;
const mostShown = 40;

/** Looks at all paths of a tree in one round trip. */
export async function findTree(host: ReadHost, want: WantedTree): Promise<FoundTree | undefined> {
  const paths = [...want.directories, ...want.files.map(({ path }) => path)];
  const [besides, ...states] = await Promise.all([
    findBesides(host, want),
    ...paths.map((path) => host.stat(path)),
  ]);
  const entries = Object.fromEntries(
    paths.flatMap((path, index) => (states[index] ? [[path, states[index]]] : [])),
  );
  return Object.keys(entries).length === 0 ? undefined : { entries, ...besides };
}

/** How a tree differs; of many differences, the first and how many there are. */
export function treeChanges(have: FoundTree | undefined, want: WantedTree): Change[] {
  const changes = [
    ...want.directories.flatMap((path) => directoryChanges(have?.entries[path], path, want)),
    ...want.files.flatMap((file) => fileChanges(have?.entries[file.path], file, want)),
    ...(have?.extra ?? []).map(
      (path) => ({ type: 'value', path: below(path, want), have: 'not wanted' }) as const,
    ),
    ...(have?.leftovers ?? []).map(
      (path) =>
        ({ type: 'value', path: below(path, want), have: 'left by a run that was broken off' }) as const,
    ),
  ];
  if (changes.length <= mostShown) return changes;
  const more = {
    type: 'value',
    path: 'and more',
    want: `${changes.length - mostShown} further differences`,
  } as const;
  return [...changes.slice(0, mostShown), more];
}

/** Whether a file is there with its content; whoever owns it and may read it. */
export function hasContent(have: FileState | undefined, { content }: WantedTreeFile): boolean {
  return have?.type === 'file' && have.sha256 === sha256Of(content);
}

export function hasAttributes(
  have: FileState | undefined,
  mode: string,
  { owner, group }: WantedTree,
): boolean {
  return have?.mode === mode && have.owner === owner && have.group === group;
}

function directoryChanges(have: FileState | undefined, path: string, want: WantedTree): Change[] {
  if (have?.type === 'directory' && hasAttributes(have, want.directoryMode, want)) return [];
  return [
    {
      type: 'value',
      path: `${below(path, want)}/`,
      ...shown(have),
      want: attributes(want.directoryMode, want),
    },
  ];
}

function fileChanges(have: FileState | undefined, file: WantedTreeFile, want: WantedTree): Change[] {
  const changes: Change[] = [];
  const path = file.name;
  if (!hasContent(have, file)) {
    const size = file.content instanceof Secret ? 0 : Buffer.byteLength(file.content);
    if (file.content instanceof Secret)
      changes.push({ type: 'secret', path, have: have ? 'differs' : 'absent' });
    else {
      const before = have && {
        have: have.type === 'file' ? outline(have.size, have.sha256 ?? '') : have.type,
      };
      changes.push({ type: 'value', path, ...before, want: outline(size, sha256Of(file.content)) });
    }
  }
  if (have && !hasAttributes(have, file.mode, want))
    changes.push({ type: 'value', path: `${path} mode`, ...shown(have), want: attributes(file.mode, want) });
  return changes;
}

function shown(have: FileState | undefined): { have?: string } {
  if (!have) return {};
  const text = attributes(have.mode, have);
  return { have: have.type === 'file' || have.type === 'directory' ? text : `${have.type}, ${text}` };
}

function attributes(
  mode: string,
  { owner, group }: { readonly owner: string; readonly group: string },
): string {
  return `${mode} ${owner}:${group}`;
}

function below(path: string, want: WantedTree): string {
  return path === want.path ? '.' : path.slice(want.path.length + 1);
}

async function findBesides(host: ReadHost, want: WantedTree): Promise<Omit<FoundTree, 'entries'>> {
  const script = joinScripts([
    sh`cd -P -- ${want.path} 2>/dev/null || exit 0`,
    listLeftovers,
    ...(want.purge ? [listAll] : []),
  ]);
  const { code, stdout, stderr } = await host.probe(script);
  if (code !== 0) throw unlistable(want.path, stderr.slice(0, 500));
  const gap = stdout.startsWith('\n') ? 0 : stdout.indexOf('\n\n') + 1;
  const [left, all] = [stdout.slice(0, gap), stdout.slice(gap)];
  const leftovers = lines(left).filter((name) => leftoverForm.test(name));
  const wanted = new Set([...want.directories, ...want.files.map(({ path }) => path)]);
  const found = lines(all).map((name) => `${want.path}/${name.replace(/^\.\//, '')}`);
  const extra = found.filter((path) => !wanted.has(path));
  if (extra.length > mostExtra)
    throw unlistable(want.path, `more than ${mostExtra} entries are not wanted there`);
  return { leftovers: leftovers.map((name) => `${want.path}/${name.slice(2)}`), extra: extra.sort() };
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

function unlistable(path: string, why: string): ProvisionError {
  return new ProvisionError({
    code: 'STEP_FAILED',
    happened: `what is below ${path} cannot be listed: ${why}`,
    hostState: 'nothing was changed',
    remedy: 'find out whether it is the right folder',
  });
}

const leftoverForm = new RegExp(`^\\./\\${leftoverPrefix}[0-9a-f]{16}$`);

const listLeftovers = Script.fromTrusted(`LC_ALL=C; export LC_ALL
for old in ./${leftoverPrefix}????????????????; do [ ! -e "$old" ] || printf '%s\\n' "$old"; done
echo`);

// A line break in a name becomes a character that no wanted name has.
const listAll =
  Script.fromTrusted(`find . -xdev -mindepth 1 -path './${leftoverPrefix}*' -prune -o -mindepth 1 -print0 |
tr '\\n\\0' '\\001\\n' | head -n ${mostExtra * 2}`);
