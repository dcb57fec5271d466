import type { ReadHost } from '../core/host.ts';
import { sh } from '../core/script.ts';

/**
 * The first of these files that was written after the main process of a service was started; undefined when none was, when the
 * service does not run, and whenever the clock of the host leaves a doubt.
 *
 * The start of the process is known by the time since boot, and the files by the clock, which may have been set meanwhile. So
 * a file counts only when it is newer by more than the clock was set by since the boot, both when its content was written and when
 * its inode was changed (which `touch -d` cannot choose), and neither lies in the future.
 * @see proc_pid_stat(5), proc_uptime(5)
 */
export async function changedSinceStart(
  host: ReadHost,
  service: string,
  files: readonly string[],
): Promise<string | undefined> {
  if (files.length === 0) return undefined;
  const { code, stdout } = await host.probe(sh`export LC_ALL=C TZ=UTC
pid=$(systemctl show -p MainPID -- ${service} 2>/dev/null | sed 's/^MainPID=//') && [ "$pid" -gt 0 ] 2>/dev/null || exit 1
set -- $(sed 's/^.*) //' "/proc/$pid/stat" 2>/dev/null) && shift 19 2>/dev/null && echo "start $1 $(getconf CLK_TCK)" || exit 1
systemctl show -p UserspaceTimestamp -p UserspaceTimestampMonotonic 2>/dev/null || exit 1
read -r uptime rest </proc/uptime && echo "now $(date +%s.%N) $uptime" || exit 1
for file in ${files}; do
  [ ! -f "$file" ] || stat -L -c 'file %Y %Z %n' -- "$file"
done`);
  return code === 0 ? newestOf(service, stdout) : undefined;
}

// Times of files and of the boot come in whole seconds.
const marginSeconds = 2;

function newestOf(service: string, told: string): string | undefined {
  const start = /^start (\d+) (\d+)$/m.exec(told);
  const now = /^now (\d+\.\d+) (\d+\.\d+)$/m.exec(told);
  const booted = /^UserspaceTimestamp=\w+ (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? UTC$/m.exec(told);
  const bootedAfter = /^UserspaceTimestampMonotonic=(\d+)$/m.exec(told);
  if (!start || !now || !booted || !bootedAfter) return undefined;
  const [clock, uptime] = [Number(now[1]), Number(now[2])];
  const bootByClock = Date.parse(`${booted[1]}T${booted[2]}Z`) / 1000 - Number(bootedAfter[1]) / 1e6;
  const setBy = Math.abs(clock - uptime - bootByClock);
  const age = uptime - Number(start[1]) / Number(start[2]);
  // A container may see an uptime of its own, and the processes by that of its machine.
  if (!(age >= 0)) return undefined;
  const startedAt = clock - age;
  for (const [, written, changed, file] of told.matchAll(/^file (\d+) (\d+) (.*)$/gm)) {
    const [first, last] = [Number(written), Number(changed)].sort((a, b) => a - b) as [number, number];
    if (first > startedAt + setBy + marginSeconds && last <= clock)
      return `${file} was written after ${service} was started`;
  }
  return undefined;
}
