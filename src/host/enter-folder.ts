import { joinScripts, Script, sh } from '../core/script.ts';

/** Exit status with which a script says that it refused; the first line of its output then is `verdict<TAB>what`. */
export const refusedStatus = 97;

/**
 * A script that makes a folder the working directory, so that what follows can use bare names and no one can swap a parent
 * under it. Links on the way are followed only where nobody but root could have put them (`/var/run`, `/bin`).
 * Refuses with `missing` or `unsafe`.
 */
export function enterFolder(path: string): Script {
  return joinScripts([enterFunction, sh`enter ${path}`]);
}

/** Defines `enter FOLDER`, for scripts that compute the folder. */
// The walk costs forks, so it happens only when the kernel's name of the folder is not the one that was asked for.
export const enterFunction = Script.fromTrusted(`LC_ALL=C; export LC_ALL; umask 077; unset CDPATH
refuse() { printf '%s\\t%s\\n' "$1" "$2"; exit ${refusedStatus}; }
root_only() {
  set -- "$(stat -c '%u %a' -- "$1")"
  case $1 in
    '0 '[1357]???) ;;
    '0 '*[2367]?|'0 '*[2367]) return 1 ;;
    '0 '*) ;;
    *) return 1 ;;
  esac
}
enter() {
  cd -P -- "$1" 2>/dev/null || refuse missing "$1"
  [ "$(pwd -P)" = "$1" ] || check_links "$1"
}
check_links() {
  rest=$1 at= hops=0 safe=yes
  while [ -n "$rest" ]; do
    rest=\${rest#/} part=\${rest%%/*}
    case $rest in */*) rest=/\${rest#*/} ;; *) rest= ;; esac
    case $part in ''|.) continue ;; ..) at=\${at%/*}; continue ;; esac
    root_only "\${at:-/}" || safe=
    if [ -L "$at/$part" ]; then
      hops=$((hops + 1))
      [ -n "$safe" ] && [ "$(stat -c %u -- "$at/$part")" = 0 ] && [ $hops -le 40 ] || refuse unsafe "$at/$part"
      link=$(readlink -- "$at/$part")
      case $link in /*) at= rest=$link$rest ;; *) rest=/$link$rest ;; esac
    else
      at=$at/$part
    fi
  done
  [ "$(pwd -P)" = "\${at:-/}" ] || refuse unsafe "$1"
}`);
