import { setTimeout as sleep } from 'node:timers/promises';
import { joinScripts, Script, sh } from '../../core/script.ts';
import type { Link } from '../link.ts';
import { openShellChannel } from './shell-channel.ts';

const patienceMs = 8000;

/**
 * Ends a script that runs in another shell of this connection, with all processes below it: from a second shell, or from
 * a second connection where the host allows one session only.
 * Never rejects: where there is neither, or no /proc, nothing is ended.
 */
export async function endScript(link: Link, running: { shell: number; script: number }): Promise<void> {
  const script = endTree(running.shell, running.script);
  const work = runOnce(link, script).catch(async () => {
    const other = await link.again();
    await runOnce(other, script).finally(() => other.client.end());
  });
  const note = (error: unknown) => link.debug(`a hung script was not ended: ${String(error)}`);
  await Promise.race([work.catch(note), sleep(patienceMs)]);
}

async function runOnce(link: Link, script: Script): Promise<void> {
  let answered = () => {};
  const answer = new Promise<void>((resolve) => (answered = resolve));
  const shell = await openShellChannel(link, { onStart: () => {}, onAnswer: answered, onClose: answered });
  shell.send([{ script }]);
  await link.lifeline.guard(answer, 'end a script').finally(() => shell.close());
}

/** Looks for the script by its process id and its parent's, so that one which ended just now is never mistaken for another. */
function endTree(shell: number, script: number): Script {
  const values = sh`shell=${shell} script=${script}`;
  const end = Script.fromTrusted(
    'state "$script" && [ "$parent" = "$shell" ] || exit 1\ntree "$script"\nend_tree',
  );
  return joinScripts([values, processTree, end]);
}

/**
 * Functions of a shell script: `state PID` sets `$parent` and `$start` of a process that lives; `tree PID` sets `$found` to
 * it and all below it, itself last; `end_tree` ends those with TERM, and with KILL what is left after two seconds. All stand
 * still first: a script must not go on because its command has ended, nor a command write into the answer of the next script
 * because its own has.
 *
 * Reads /proc with builtins only, since `ps` is missing on small systems; and there are no process groups to aim at,
 * since dash has no job control without a terminal.
 */
export const processTree = Script.fromTrusted(`
state() { { read -r line <"/proc/$1/stat"; } 2>/dev/null || return
  set -- \${line##*) }; parent=$2 start=\${20}; [ "$1" != Z ]; }
tree() {
  found=" $1 " grown=yes
  while [ -n "$grown" ]; do
    grown=
    for entry in /proc/[0-9]*; do
      pid=\${entry#/proc/}
      state "$pid" || continue
      case $found in *" $pid "*) ;; *" $parent "*) found=" $pid$found" grown=yes ;; esac
    done
  done
}
end_tree() {
  kill -STOP $found 2>/dev/null
  kill -TERM $found 2>/dev/null
  kill -CONT $found 2>/dev/null
  for turn in 1 2 3 4 5 6 7 8 9 10; do
    left=
    for pid in $found; do state "$pid" && left="$left $pid"; done
    [ -n "$left" ] || return 0
    sleep 0.2 2>/dev/null || sleep 1
  done
  kill -KILL $left 2>/dev/null
}`);
