import { joinScripts, Script, sh } from '../core/script.ts';
import { enterFunction } from '../host/enter-folder.ts';

/** Where one change of a file set happens. Paths of files are relative to the root. */
export interface FileSetPlaces {
  readonly root: string;
  readonly work: string;
}

/** Paths that one change touches, relative to the root. */
export interface TouchedPaths {
  readonly replaced: readonly string[];
  readonly removed: readonly string[];
}

/** Copies the live tree into the work folder, with the folders of new files, without what shall go. */
export function stageTree(places: FileSetPlaces, { replaced, removed }: TouchedPaths): Script {
  return script(
    places,
    sh`
for path in ${replaced} ${removed}; do plain_folder "$path"; sweep "$path"; done
mkdir -p -- "$work" && chmod 0700 "$work" || exit
rm -rf -- "$work/stage" && cp -a . "$work/stage" && cd -P -- "$work/stage" || exit
umask 022
for path in ${replaced}; do folder_of "$path"; mkdir -p -- "$folder" || exit; done
for path in ${removed}; do rm -f -- "./$path" || exit; done`,
  );
}

/** Exit status of `validateStaged` where the kernel gives no private view of the file system. */
export const noPrivateView = 96;

/** Runs the validator while the staged tree appears at the root, for it alone. */
export function validateStaged(places: FileSetPlaces, validate: Script): Script {
  const view = `mount --make-rprivate / && mount --bind "$1" "$2" && exec sh -c "$3"`;
  return script(
    places,
    sh`
cd /
private_view() { unshare -m sh -c ${view} sh "$work/stage" "$live" "$1" </dev/null; }
private_view : >/dev/null 2>&1 || exit ${noPrivateView}
umask 022
private_view ${validate.text}`,
  );
}

/**
 * Puts the staged files in the place of the live ones. First keeps the old ones, then notes what is being done, then copies all
 * new ones beside their places: what can fail for want of room has failed before the first rename.
 */
export function swapIn(
  places: FileSetPlaces,
  { replaced, removed }: TouchedPaths,
  expected: string,
  id: string,
): Script {
  return script(
    places,
    sh`
id=${id}
rm -rf -- "$work/backup" && mkdir -p -- "$work/backup/files" && cd -P -- "$work/backup" || exit
: >paths; : >folders
for path in ${replaced} ${removed}; do printf '%s\n' "$path" >>paths || exit; done
cd -P -- "$live" || exit
for path in ${replaced} ${removed}; do
  folder_of "$path"
  [ -d "$folder" ] || note_new_folders
  [ -e "./$path" ] || [ -L "./$path" ] || continue
  mkdir -p -- "$work/backup/files/$folder" && cp -a -- "./$path" "$work/backup/files/$path" || exit
done
printf '%s' ${expected} >"$work/transaction.new" || exit
sync "$work/backup/paths" "$work/backup/folders" "$work/transaction.new" 2>/dev/null
mv -f -- "$work/transaction.new" "$work/transaction" || exit
umask 022
for path in ${replaced}; do
  folder_of "$path"; beside "$path"
  mkdir -p -- "$folder" && cp -a -- "$work/stage/$path" "$temp" || exit
  sync "$temp" 2>/dev/null
done
for path in ${replaced}; do beside "$path"; mv -fT -- "$temp" "./$path" || exit; done
for path in ${removed}; do rm -f -- "./$path" || exit; done
label ${replaced}`,
  );
}

/** Puts the old files back that `swapIn` has kept, and removes those that did not exist. Does nothing when nothing was begun. */
export function putBack(places: FileSetPlaces, id: string): Script {
  return script(
    places,
    sh`
id=${id} old=$work/backup/files
[ -f "$work/transaction" ] || exit 0
umask 022
while IFS= read -r path; do
  sweep "$path"
  if [ -e "$old/$path" ] || [ -L "$old/$path" ]; then
    beside "$path"
    mkdir -p -- "$folder" && cp -a -- "$old/$path" "$temp" && mv -fT -- "$temp" "./$path" || exit
    label "$path"
  else
    rm -f -- "./$path" || exit
  fi
done <"$work/backup/paths"
while IFS= read -r folder; do rmdir -- "$folder" 2>/dev/null; done <"$work/backup/folders"
sync . 2>/dev/null
exit 0`,
  );
}

/** Removes the note and everything that was kept: the change is over. */
export function cleanUp({ work }: FileSetPlaces): Script {
  return sh`rm -f -- ${`${work}/transaction`} && rm -rf -- ${work}`;
}

function script({ root, work }: FileSetPlaces, body: Script): Script {
  return joinScripts([enterFunction, sh`work=${work}; enter ${root}`, helpers, body]);
}

// `folders` is written so that a folder comes before the one that holds it: rmdir can take them in that order.
const helpers = Script.fromTrusted(`live=$(pwd -P)
folder_of() { case $1 in */*) folder=./\${1%/*} ;; *) folder=. ;; esac; }
beside() { folder_of "$1"; temp=$folder/.\${1##*/}.provision-$id; }
sweep() { folder_of "$1"; rm -f -- "$folder/.\${1##*/}.provision-"????????????????; }
plain_folder() {
  folder_of "$1"
  while [ ! -e "$folder" ] && [ ! -L "$folder" ]; do folder=\${folder%/*}; done
  [ "$(cd -P -- "$folder" && pwd -P)" = "$live\${folder#.}" ] || refuse unsafe "$live\${folder#.}"
}
note_new_folders() {
  new=$folder
  while [ ! -d "$new" ]; do printf '%s\\n' "$new" >>"$work/backup/folders"; new=\${new%/*}; done
}
label() { ! command -v restorecon >/dev/null 2>&1 || restorecon -- "$@" 2>/dev/null; return 0; }`);
