import type { Script } from '../../core/script.ts';
import { joinScripts, Script as Scripts, sh } from '../../core/script.ts';
import { processTree } from '../shell/end-script.ts';

export interface LockValues {
  /** Unpredictable, one a run. */
  readonly run: string;
  /** Who holds it, for people: one line. */
  readonly who: string;
  /** Seconds without a heartbeat after which the lock is free. */
  readonly leaseSeconds: number;
  /** Seconds for which the script of a run that died is waited for before it is ended. */
  readonly patienceSeconds: number;
  /** Where the lock lies. Default: `/run/provision` of root, a folder in the home of everybody else. */
  readonly folder?: string;
}

/**
 * What holds the lock of a host: `flock` on a file, for as long as heartbeats come in on standard input. A byte is a
 * heartbeat, and `q` gives the lock back. The kernel drops the lock when this ends, however it ends; time is measured by
 * the host alone.
 *
 * It is one compound command, so one that arrived in part does nothing. It tells on stdout what happens, a line each, with
 * tabs: `locked SECONDS WHO`, `busy SECONDS WHO`, `held RUN WHO` with the run that died holding it, or `unable WHY`.
 * @see flock(1), flock(2)
 */
export function lockScript(values: LockValues): string {
  const { run, who, leaseSeconds, patienceSeconds } = values;
  const given = sh`run=${run} who=${who} lease=${leaseSeconds} patience=${patienceSeconds}`;
  return `{\n${joinScripts([given, enterFolder(values.folder), processTree, hold]).text}\nexit\n}\n`;
}

/** Notes the shell that this script runs in, so that whoever takes over the lock can end what it still does. */
export function noteShell(folder?: string): Script {
  return joinScripts([
    enterFolder(folder),
    Scripts.fromTrusted(`{ read -r line </proc/$$/stat; } 2>/dev/null || exit 0
id=$$
set -- \${line##*) }
shift 19
echo "$id $1" >>"$dir/shells"`),
  ]);
}

function enterFolder(folder: string | undefined): Script {
  if (folder !== undefined) return sh`dir=${folder}`;
  // A home may be shared between hosts; a lock on it must not be.
  return Scripts.fromTrusted(
    `if [ "$(id -u)" = 0 ]; then dir=/run/provision; else dir=\${HOME:-/}/.cache/provision/$(uname -n); fi`,
  );
}

const hold = Scripts.fromTrusted(`
unable() { printf 'unable\\t%s\\n' "$1"; exit 0; }
for program in flock timeout dd; do command -v $program >/dev/null 2>&1 || unable "the host has no $program"; done
timeout 9 true 2>/dev/null || unable 'timeout on the host is too old'
mkdir -p -m 0700 -- "$dir" 2>/dev/null
[ -d "$dir" ] && [ ! -L "$dir" ] && [ -O "$dir" ] || unable "$dir is no folder of its user"
(: >>"$dir/lock") 2>/dev/null || unable "$dir/lock cannot be written"
exec 9>>"$dir/lock"
tab=$(printf '\\t')
owner() { owner_run= owner_pid= owner_start= owner_since= owner_who=
  { IFS=$tab read -r owner_run owner_pid owner_start owner_since owner_who <"$dir/owner"; } 2>/dev/null; }
is() { [ -n "$1" ] && state "$1" && [ "$start" = "$2" ]; }

turns=0
until flock -n 9; do
  owner
  if [ "$owner_run" = "$run" ] && is "$owner_pid" "$owner_start"; then
    kill -KILL "$owner_pid"
  elif [ $((turns % 5)) = 0 ] && { [ $turns -ge 10 ] || is "$owner_pid" "$owner_start"; }; then
    # Whoever has just taken the lock writes its name a moment later; until then there is none, or a dead one's.
    printf 'locked\\t%s\\t%s\\n' "$(($(date +%s) - \${owner_since:-0}))" "$owner_who"
  fi
  turns=$((turns + 1))
  sleep 0.2 2>/dev/null || sleep 1
done

owner
state "$$"
printf '%s\\t%s\\t%s\\t%s\\t%s, since %s\\n' "$run" "$$" "$start" "$(date +%s)" "$who" "$(date '+%Y-%m-%d %H:%M:%S %Z')" >"$dir/owner.new"
mv -f -- "$dir/owner.new" "$dir/owner"
if [ -s "$dir/shells" ]; then
  while read -r shell shell_start; do
    is "$shell" "$shell_start" || continue
    boss=$parent
    # Stopped first: what was sent to it behind the script that is running must never run.
    kill -STOP "$shell"
    turns=0
    while tree "$shell"; [ "$found" != " $shell " ] && [ $turns -lt "$patience" ]; do
      printf 'busy\\t%s\\t%s\\n' "$turns" "$owner_who"
      turns=$((turns + 1))
      sleep 1
    done
    [ "$found" = " $shell " ] || end_tree
    kill -KILL "$shell" 2>/dev/null
    # sudo stops together with its shell, and would never see that it has ended.
    kill -CONT "$boss" 2>/dev/null
  done <"$dir/shells"
fi
: >"$dir/shells"
printf 'held\\t%s\\t%s\\n' "$owner_run" "$owner_who"

# A child that outlives this shell would keep the lock.
while beat=$(timeout "$lease" dd bs=1 count=1 2>/dev/null 9>&-) && [ -n "$beat" ]; do
  # What is noted of our shells stays: one that was given up may still be running a script.
  [ "$beat" != q ] || { rm -f -- "$dir/owner"; exit 0; }
done`);
