import { Script } from '../core/script.ts';

/**
 * The scripts of an atomic write. They run in the folder of the target, after `enterFolder`, with the values `name`, `prefix`
 * (see `tempPrefix`) and `need` (kB); those that commit also with `temp`, `sha256`, `mode` and `owner`.
 */

/** First line of the output once the new file is in its place: a failure after that is another one than before. */
export const placedMark = 'placed\n';

/** By this a file of which the hash is known is told from every other one, and from itself once anything was done to it. */
export const markFormat = '%d:%i %s %y %z';

// A disk that cannot keep the bytes is a failure. A `sync` that cannot be told what to flush (busybox) flushes everything.
export const flush = `flush() {
  problem=$(sync -- "$@" 2>&1) && return
  case $problem in
    *'nput/output error'*|*'No space left'*|*'uota exceeded'*) printf '%s\\n' "$problem" >&2; return 1 ;;
    *) sync ;;
  esac
}`;

// Asked of the folder itself, whatever is mounted where. Figures so large that they overflow come from file systems without
// a limit, and those that count no inodes have none to run out of.
export const room = `room() {
  set -- $(stat -f -c '%a %S %d %c' . 2>/dev/null)
  [ $# -eq 4 ] || return 0
  free=$(($1 * $2 / 1024))
  [ "$free" -lt 0 ] || [ "$free" -ge "$need" ] || refuse full "$free	$need"
  [ "$4" -eq 0 ] || [ "$3" -ne 0 ] || refuse inodes
}`;

const refuseOtherTypes = `if [ -L "./$name" ]; then refuse link "$(pwd -P)/$name"
elif [ -d "./$name" ]; then refuse directory "$(pwd -P)/$name"
elif [ -e "./$name" ] && [ ! -f "./$name" ]; then refuse other "$(pwd -P)/$name"; fi`;

// An unsafe path or a full disk must be known before a key travels. Sweeps up after runs that were killed.
const inspect = `${room}
${refuseOtherTypes}
for old in "./$prefix"????????????????; do
  [ -e "$old" ] && [ ! -d "$old" ] && rm -f -- "$old"
done
room`;

/*
 * Of a large file (kB) the hash outlives the script: it counts for as long as the file carries the mark that is told last. The
 * bytes stood still while it was made, which their owner cannot hide from the time of change, and none was written since.
 * openssl is believed when it finds the wanted hash, as it is up to five times as quick as sha256sum; else sha256sum decides.
 */
const lastingFrom = 8192;

/*
 * All that is done to the new file is done through the open descriptor: in a folder that others can write to, its name
 * may be swapped between two commands for a link to some other file, or for one that has a second name elsewhere.
 */
const place = `${flush}
trap 'rm -f -- "$upload" "./$temp"' EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM
bytes=/proc/self/fd/3 before=
place() {
  found=$(stat -L -c '%h %d:%i' -- "$bytes") || return
  case $found in '1 '*) ;; *) refuse swapped "$(pwd -P)/$temp" ;; esac
  [ "$(stat -c '%h %d:%i' -- "./$temp")" = "$found" ] || refuse swapped "$(pwd -P)/$temp"
  [ "$need" -lt ${lastingFrom} ] || before=$(stat -L -c '%s %y %z' -- "$bytes")
  proven || refuse differs
  [ -z "$before" ] || [ "$(stat -L -c '%s %y %z' -- "$bytes")" = "$before" ] || before=
  chown -- "$owner" "$bytes" && chmod "$mode" "$bytes" && flush "$bytes" || return
  mv -fT -- "./$temp" "./$name" || return
  echo placed
  label && flush . || return
  [ -z "$before" ] || mark
}
proven() {
  if [ "$need" -ge ${lastingFrom} ]; then
    case $(openssl dgst -sha256 -r "$bytes" 2>/dev/null) in "$sha256 "*) return ;; esac
  fi
  sum=$(sha256sum "$bytes") && [ "\${sum%% *}" = "$sha256" ]
}
mark() {
  mark=$(stat -L -c '${markFormat}' -- "$bytes")
  case $mark in *" \${before% ????-??-??*} "*) printf '%s\\n' "$mark" ;; esac
}
label() {
  command -v selinuxenabled >/dev/null 2>&1 && selinuxenabled || return 0
  restorecon -- "./$name" >&2 || refuse label "$(pwd -P)/$name"
}`;

/** Looks whether the target can be written. */
export const prepare = Script.fromTrusted(inspect);

/** Looks, and makes the target from base64 on standard input. */
export const commitFromStdin = Script.fromTrusted(`${inspect}
upload=./$temp
${place}
set -C
{ set +C; base64 -d >&3 && place; } 3>"./$temp"`);

/** Makes the target from the file `upload`, which is beside it or anywhere else. */
export const commitFromUpload = Script.fromTrusted(`${room}
${refuseOtherTypes}
${place}
if [ "\${upload%/*}" = "$(pwd -P)" ]; then
  temp=\${upload##*/}
  [ ! -L "./$temp" ] || refuse swapped "$upload"
  place 3<"./$temp"
else
  room
  set -C
  { set +C; cat -- "$upload" >&3 && place; } 3>"./$temp"
fi`);
