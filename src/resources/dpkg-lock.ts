import { ProvisionError } from '../core/errors.ts';
import type { Host, ReadHost } from '../core/host.ts';
import { Script } from '../core/script.ts';
import { waitUntil } from './wait-until.ts';

/** Who holds a lock of dpkg or apt. */
interface Holder {
  readonly pid: string;
  readonly program: string;
}

/**
 * Waits until nobody holds a lock of dpkg or apt, and says who is waited for. Never deletes a lock, never ends a process.
 * @throws ProvisionError `PACKAGE` when it is held for longer than ten minutes
 */
export async function waitForDpkgLock(host: Host): Promise<void> {
  let last: Holder | undefined;
  const free = await waitUntil(
    async (waitedMs) => {
      last = await dpkgLockHolder(host);
      if (!last) return true;
      host.progress(`waiting for ${describe(last)} (holds the dpkg lock), ${Math.round(waitedMs / 1000)} s`);
      return undefined;
    },
    { timeoutMs: 600_000, intervalMs: 3000 },
  );
  if (free || !last) return;
  throw new ProvisionError({
    code: 'PACKAGE',
    happened: `${describe(last)} has held the dpkg lock for 10 minutes`,
    hostState: 'nothing was changed',
    remedy: `find out what it is doing (ps -fp ${last.pid}), then run again`,
  });
}

function describe({ pid, program }: Holder): string {
  return [`pid ${pid}`, program].filter(Boolean).join(' ');
}

/** The process that holds one of the locks, or undefined. */
export async function dpkgLockHolder(host: ReadHost): Promise<Holder | undefined> {
  const { stdout } = await host.probe(findHolder);
  const [, pid, program = ''] = /^(\d{1,10}) ?([\x20-\x7e]{0,64})/.exec(stdout) ?? [];
  return pid === undefined ? undefined : { pid, program };
}

// The kernel's own list: fuser and lsof are not on every host, and flock(1) does not see these locks.
const findHolder = Script.fromTrusted(`LC_ALL=C; export LC_ALL
for lock in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock; do
  inode=$(stat -c %i "$lock" 2>/dev/null) || continue
  while read -r _ class _ _ pid file _; do
    [ "$class" != '->' ] || continue
    case $file in *:"$inode") ;; *) continue ;; esac
    program=
    read -r program 2>/dev/null <"/proc/$pid/comm"
    echo "$pid $program"
    exit
  done </proc/locks
done
exit 0`);
