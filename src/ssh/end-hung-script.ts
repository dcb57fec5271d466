import { Script } from '../core/script.ts';

/**
 * Ends one script and all processes below it: TERM, and KILL for what is left after two seconds. Exits with 1 when the
 * script is no longer there, so that a script which ended just now is never mistaken for the next one.
 *
 * Reads /proc with builtins only, since `ps` is missing on small systems; and there are no process groups to aim at,
 * since dash has no job control without a terminal.
 */
export function endHungScript(shell: number, script: number): Script {
  return Script.fromTrusted(`
descendants() {
  found=' ' grown=yes
  while [ -n "$grown" ]; do
    grown=
    for entry in /proc/[0-9]*/stat; do
      { read -r line <"$entry"; } 2>/dev/null || continue
      pid=\${line%% *}
      set -- \${line##*) }
      case $found in *" $pid "*) continue ;; *" $2 "*) found="$found$pid " grown=yes ;; esac
      [ "$pid $2" = '${script} ${shell}' ] && found=" $pid$found" grown=yes
    done
  done
}
remaining() {
  left=
  for pid in $found; do kill -0 $pid 2>/dev/null && left="$left $pid"; done
  [ -n "$left" ]
}
descendants
[ "$found" = ' ' ] && exit 1
kill -TERM $found 2>/dev/null
for turn in 1 2 3 4 5 6 7 8 9 10; do
  remaining || exit 0
  sleep 0.2 2>/dev/null || sleep 1
done
kill -KILL $left 2>/dev/null
`);
}
