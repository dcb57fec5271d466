import { randomBytes } from 'node:crypto';
import { ProvisionError } from '../core/errors.ts';
import type { Host } from '../core/host.ts';
import { joinScripts, Script, sh } from '../core/script.ts';
import { Secret } from '../core/secret.ts';
import { enterFunction } from '../host/enter-folder.ts';
import { splitHostPath } from '../host/host-path.ts';
import { flush, room } from '../host/place-file.ts';
import { makeDirectory } from './directory.ts';
import { sha256Of } from './file-content.ts';
import { fillScript, sizeOf } from './file-tree-content.ts';
import { hasAttributes, hasContent, type FoundTree } from './file-tree-state.ts';
import { leftoverPrefix, type WantedTree, type WantedTreeFile } from './file-tree-want.ts';
import { inTheWay } from './file.ts';

// The shell of a host keeps all of a batch in its memory.
const batchBytes = 1024 * 1024;
const batchFiles = 500;

/** Makes what differs: folders first, then files in batches, and removes what is not wanted last. */
export async function applyTree(host: Host, want: WantedTree, have: FoundTree | undefined): Promise<void> {
  refuseOtherTypes(want, have);
  const entries = have?.entries ?? {};
  const due = want.files.filter(
    (file) => !hasContent(entries[file.path], file) || !hasAttributes(entries[file.path], file.mode, want),
  );
  // What there is to do before a batch travels with it.
  let before = foldersScript(want, have);
  let done = 0;
  for (const batch of batchesOf(due)) {
    host.progress(`writing files below ${want.path}: ${done} of ${due.length}`);
    const [first] = batch;
    if (batch.length === 1 && first && sizeOf(first.content) > batchBytes) {
      await makeFolders(host, want, before);
      await host.writeFile(first.path, first.content, {
        mode: first.mode,
        owner: want.owner,
        group: want.group,
      });
    } else await writeBatch(host, want, batch, before);
    before = undefined;
    done += batch.length;
  }
  await makeFolders(host, want, before);
  if (have && have.extra.length > 0) await removeExtra(host, want, have.extra);
}

/** Whatever is somebody's is never removed to make room. */
function refuseOtherTypes(want: WantedTree, have: FoundTree | undefined): void {
  const check = (path: string, wanted: 'file' | 'directory') => {
    const type = have?.entries[path]?.type;
    if (type !== undefined && type !== wanted) throw inTheWay(path, type);
  };
  for (const path of want.directories) check(path, 'directory');
  for (const { path } of want.files) check(path, 'file');
}

/** Makes the folders that differ, and removes what a run that was broken off has left; after `enterFunction`. */
function foldersScript(want: WantedTree, have: FoundTree | undefined): Script | undefined {
  const { directoryMode: mode, owner, group } = want;
  const due = want.directories.filter((path) => !hasAttributes(have?.entries[path], mode, want));
  const made = due.map((path) =>
    joinScripts([sh`(`, makeDirectory({ path, mode, owner, group }), sh`) || exit`]),
  );
  const swept = (have?.leftovers ?? []).map((path) => removal(want.path, [path]));
  return made.length + swept.length === 0 ? undefined : joinScripts([...made, ...swept]);
}

async function makeFolders(host: Host, want: WantedTree, script: Script | undefined): Promise<void> {
  if (!script) return;
  await host.run(joinScripts([enterFunction, script]), { doing: `making folders of ${want.path}` });
}

function batchesOf(files: readonly WantedTreeFile[]): WantedTreeFile[][] {
  const batches: WantedTreeFile[][] = [];
  let size = Infinity;
  for (const file of files) {
    const bytes = sizeOf(file.content);
    if (size + bytes > batchBytes || batches.at(-1)!.length >= batchFiles) {
      batches.push([]);
      size = 0;
    }
    batches.at(-1)!.push(file);
    size += bytes;
  }
  return batches;
}

/**
 * One script for many files, whose bytes are its standard input. They are gathered in a folder that is root's alone, compared
 * by hash, given owner and mode and flushed there, and then moved to their places: nobody sees a part of one, nor its bytes
 * before its mode. What there is to do `before`, after `enterFunction`, is a part of the script.
 */
async function writeBatch(
  host: Host,
  want: WantedTree,
  batch: readonly WantedTreeFile[],
  before: Script | undefined,
): Promise<void> {
  const folders = groupedBy(batch, ({ path }) => splitHostPath(path)[0]);
  const staged = [...folders].flatMap(([, files], index) =>
    files.map((file) => ({ ...file, staged: `./${index}/${splitHostPath(file.path)[1]}` })),
  );
  const need =
    Math.ceil(batch.reduce((sum, { content }) => sum + sizeOf(content), 0) / 1024) + 4 * batch.length;
  const modes = groupedBy(staged, ({ mode }) => mode);
  const script = joinScripts([
    enterFunction,
    ...(before ? [before] : []),
    Script.fromTrusted(`${flush}\n${room}\n${place}`),
    sh`need=${need} owner=${`${want.owner}:${want.group}`} stage=${leftoverPrefix + randomBytes(8).toString('hex')}`,
    sh`sums=${staged.map(({ content }) => sha256Of(content)).join('\n')}`,
    sh`enter ${want.path}`,
    gather,
    sh`mkdir -- ${[...folders.keys()].map((_, index) => `./${index}`)} || exit`,
    sh`program=$(cat) && eval "$program" || exit`,
    sh`set -- ${staged.map((file) => file.staged)}`,
    own,
    ...[...modes].map(([mode, files]) => sh`chmod ${mode} -- ${files.map((file) => file.staged)} || exit`),
    sh`flush "$@" || exit`,
    ...[...folders].map(
      ([folder, files], index) =>
        sh`( place ${folder} ${index} ${files.map(({ path }) => splitHostPath(path)[1])} ) || exit`,
    ),
    sh`exit 0`,
  ]);
  const text = fillScript(staged);
  const isSecret = batch.some(({ content }) => content instanceof Secret);
  const doing = `writing ${batch.length} files below ${want.path}`;
  await host.run(script, { doing, timeoutMs: 300_000, stdin: isSecret ? new Secret(text, doing) : text });
}

async function removeExtra(host: Host, want: WantedTree, extra: readonly string[]): Promise<void> {
  const hidden = extra.find((path) => /[\0-\x1f\x7f]/.test(path));
  if (hidden !== undefined) {
    throw new ProvisionError({
      code: 'STEP_FAILED',
      happened: `${JSON.stringify(hidden)} has a control character in its name, and is not removed`,
      hostState: 'everything that is wanted is in its place',
      remedy: 'look what it is, and remove it by hand',
    });
  }
  const all = new Set(extra);
  // What is in a folder goes with it.
  const tops = extra.filter((path) => !all.has(splitHostPath(path)[0]));
  const removals = [...groupedBy(tops, (path) => splitHostPath(path)[0])];
  const script = joinScripts([enterFunction, ...removals.map(([folder, paths]) => removal(folder, paths))]);
  await host.run(script, { doing: `removing what is not wanted below ${want.path}`, timeoutMs: 300_000 });
}

function removal(folder: string, paths: readonly string[]): Script {
  const names = paths.map((path) => `./${splitHostPath(path)[1]}`);
  return sh`( enter ${folder}; set -- ${names}; ${remove} ) || exit`;
}

// Never what another file system holds: neither of a name that is a mount itself, nor of one below it.
const remove = Script.fromTrusted(`device=$(stat -c %d .)
found=$(find "$@" -xdev -exec stat -c %d {} + | sort -u)
[ "$found" = "$device" ] || refuse device "$(pwd -P)"
rm -rf -- "$@"`);

const gather = Script.fromTrusted(`here=$(pwd -P) device=$(stat -c %d .)
room
mkdir -m 0700 -- "./$stage" || exit
trap 'cd / && rm -rf -- "$here/$stage"' EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM
cd -P -- "./$stage" && [ "$(pwd -P)" = "\${here%/}/$stage" ] || exit`);

const own = Script.fromTrusted(`found=$(sha256sum -- "$@" | sed 's/^\\\\//; s/ .*//')
[ "$found" = "$sums" ] || refuse differs
chown -- "$owner" "$@" || exit`);

// In the folder of the target all names are bare: nobody can swap a folder on the way. A link in the place of a name is
// replaced by the move itself, never followed.
const place = `place() {
  folder=$1 from=$here/$stage/$2
  shift 2
  trap - EXIT
  enter "$folder"
  [ "$(stat -c %d .)" = "$device" ] || refuse device "$folder"
  for name do
    shift
    if [ -L "./$name" ]; then refuse link "$folder/$name"
    elif [ -d "./$name" ]; then refuse directory "$folder/$name"
    elif [ -e "./$name" ] && [ ! -f "./$name" ]; then refuse other "$folder/$name"; fi
    set -- "$@" "$from/$name"
  done
  mv -f -- "$@" ./ || exit
  if command -v selinuxenabled >/dev/null 2>&1 && selinuxenabled; then
    for name do restorecon -- "./\${name##*/}" >&2 || refuse label "$folder/\${name##*/}"; done
  fi
  flush .
}`;

/** By key, in the order of the first of each. */
function groupedBy<T>(all: readonly T[], keyOf: (each: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const each of all) {
    const key = keyOf(each);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return groups;
}
