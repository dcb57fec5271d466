import { createHash, randomBytes } from 'node:crypto';
import { ProvisionError } from '../core/errors.ts';
import type { Output } from '../core/host.ts';
import { joinScripts, Script, sh } from '../core/script.ts';
import type { Connection } from './connection.ts';

export interface DetachedWork {
  /** By it the work is known again: by this run after its line broke, and by the next run. */
  readonly name: string;
  readonly script: Script;
  readonly timeoutMs: number;
  readonly doing: string;
  /** Of this run: what it has ended itself counts, what an earlier run has ended does not. */
  readonly run: string;
  readonly progress: (text: string) => void;
  /** What to tell of the output so far. */
  readonly progressOf: (output: string) => string;
}

/**
 * Runs a script that goes on when the connection does not: in a unit of systemd, or a session of its own where there is
 * none. Work of the same name that is under way already, of a run that died, is waited for; its outcome is ours when its
 * script is, else ours is run then. Nothing about the script is on a command line.
 * @throws ProvisionError `STEP_TIMEOUT`, and the work goes on; `COMMAND_FAILED` when it was killed; `CONN_LOST`
 */
export async function runDetached(connection: Connection, work: DetachedWork): Promise<Output> {
  const { script, doing, run } = work;
  const id = createHash('sha256').update(work.name).digest('hex').slice(0, 16);
  const sum = createHash('sha256').update(script.text).digest('hex');
  const where = sh`id=${id} sum=${sum} run=${run}`;
  const started = performance.now();
  for (;;) {
    const beginning = joinScripts([where, enter, functions, begin]);
    const options = { doing, timeoutMs: 60_000, stdin: script.text };
    // Asked for a second time, it finds what it began.
    const { stdout, code, stderr } = await insist(() => connection.execute(beginning, options));
    if (code !== 0) throw notStarted(doing, stderr);
    const outcome = await wait(connection, work, id, started);
    await insist(() => connection.execute(joinScripts([where, enter, remove]), { doing, timeoutMs: 60_000 }));
    if (stdout.trim() !== 'other') return outcome;
  }
}

const lossesInARow = 3;

/** The work goes on without us: whatever the broken line took with it is done again on the next one. */
async function insist<T>(call: () => Promise<T>): Promise<T> {
  for (let losses = 1; ; losses++) {
    try {
      return await call();
    } catch (error) {
      const isLost = error instanceof ProvisionError && error.code === 'CONN_LOST';
      if (!isLost || losses > lossesInARow) throw error;
    }
  }
}

async function wait(
  connection: Connection,
  { timeoutMs, doing, progress, progressOf }: DetachedWork,
  id: string,
  started: number,
): Promise<Output> {
  const border = randomBytes(16).toString('hex');
  const look = joinScripts([sh`id=${id} border=${border}`, enter, functions, report]);
  for (;;) {
    const answer = await insist(() => connection.execute(look, { doing, timeoutMs: 60_000 }));
    const [head = '', stdout = '', stderr = ''] = answer.stdout.split(`\n${border}\n`);
    const [word, status = ''] = head.split(' ');
    if (word === 'ended') return { code: Number(status) & 255, stdout, stderr };
    if (word !== 'running') throw broken(doing, stdout);
    const waitedMs = performance.now() - started;
    if (waitedMs >= timeoutMs) throw stillRunning(doing, timeoutMs, id, stdout);
    const told = progressOf(stdout);
    progress(`${doing}, ${Math.round(waitedMs / 1000)} s${told && `: ${told}`}`);
  }
}

const enter = Script.fromTrusted(`umask 077
if [ "$(id -u)" = 0 ]; then base=/run/provision; else base=\${HOME:-/}/.cache/provision/$(uname -n); fi
mkdir -p -m 0700 -- "$base/detached" && [ -O "$base" ] && [ ! -L "$base" ] && cd -- "$base/detached" || exit`);

const functions = Script.fromTrusted(`
start() { { read -r line <"/proc/$1/stat"; } 2>/dev/null || return; set -- \${line##*) }; [ "$1" != Z ] && echo "\${20}"; }
running() { [ ! -e "$1/status" ] && read -r pid since 2>/dev/null <"$1/pid" && [ "$(start "$pid")" = "$since" ]; }`);

// A unit knows nothing of what the login has set, such as a proxy. The wrapper notes its own process, by which it is found again, and always ends with 0: the status is in the file.
const begin = Script.fromTrusted(`
find . -mindepth 1 -maxdepth 1 -type d -mtime +0 2>/dev/null | while read -r old; do running "$old" || rm -rf -- "$old"; done
read -r had_run had_sum 2>/dev/null <"$id/work"
if running "$id"; then
  [ "$had_sum" = "$sum" ] && echo same || echo other
  exit 0
elif [ -e "$id/status" ] && [ "$had_run $had_sum" = "$run $sum" ]; then
  echo same
  exit 0
fi
rm -rf -- "$id" && mkdir -- "$id" && cat >"$id/script" && export -p >"$id/environment" && echo "$run $sum" >"$id/work" || exit
cat >"$id/wrapper" <<'END' || exit
umask 077
dir=$1
. "$dir/environment"
cd -- "$dir" || exit
read -r line </proc/$$/stat
set -- $$ \${line##*) }
echo "$1 \${21}" >pid.new && mv pid.new pid
(cd / && exec /bin/sh "$dir/script") </dev/null >out 2>err
echo $? >status.new && mv status.new status
exit 0
END
if [ -d /run/systemd/system ] && [ "$(id -u)" = 0 ] && command -v systemd-run >/dev/null 2>&1 &&
  systemd-run --unit="provision-$id" --collect --quiet --property=KillMode=process /bin/sh "$PWD/$id/wrapper" "$PWD/$id" </dev/null >/dev/null 2>&1
then :
else (setsid /bin/sh "$PWD/$id/wrapper" "$PWD/$id" </dev/null >/dev/null 2>&1 &)
fi
turns=0
until [ -e "$id/pid" ] || [ $turns -ge 100 ]; do sleep 0.1 2>/dev/null || sleep 1; turns=$((turns + 1)); done
[ -e "$id/pid" ] || { echo 'the work did not start' >&2; exit 1; }
echo same`);

const report = Script.fromTrusted(`
turns=0
while running "$id" && [ $turns -lt 10 ]; do sleep 0.2 2>/dev/null || sleep 1; turns=$((turns + 1)); done
if [ -e "$id/status" ]; then read -r status <"$id/status"; printf 'ended %s' "$status"
elif running "$id"; then printf running
elif [ -e "$id/status" ]; then read -r status <"$id/status"; printf 'ended %s' "$status"
else printf broken; fi
printf '\\n%s\\n' "$border"
if [ -e "$id/status" ]; then tail -c 200000 "$id/out"; else tail -c 16000 "$id/out" 2>/dev/null; fi
printf '\\n%s\\n' "$border"
tail -c 60000 "$id/err" 2>/dev/null
exit 0`);

const remove = Script.fromTrusted(`[ -e "$id/status" ] && rm -rf -- "$id"
exit 0`);

function notStarted(doing: string, stderr: string): ProvisionError {
  return new ProvisionError({
    code: 'COMMAND_FAILED',
    happened: `${doing} could not be started`,
    hostState: 'nothing was changed by this step',
    remedy: 'look at /run/provision on the host: it must belong to root and have room',
    detail: stderr.slice(-4096),
  });
}

function broken(doing: string, detail: string): ProvisionError {
  return new ProvisionError({
    code: 'COMMAND_FAILED',
    happened: `${doing} was ended before it was done: killed, or the host was started anew`,
    hostState: 'it may be half done',
    remedy: 'run again; if it happens again, look for a lack of memory on the host (dmesg)',
    detail,
  });
}

function stillRunning(doing: string, timeoutMs: number, id: string, detail: string): ProvisionError {
  return new ProvisionError({
    code: 'STEP_TIMEOUT',
    happened: `"${doing}" did not end within ${timeoutMs / 1000} s`,
    hostState: `it was left running, as provision-${id}: what it does must not be broken off`,
    remedy: 'find out on the host what it waits for; the next run waits for it',
    detail,
  });
}
