import type { ReadHost } from '../../core/host.ts';
import { requirement } from '../../core/requirement.ts';
import { sh } from '../../core/script.ts';
import type { RequirementStep } from '../../core/step.ts';

/**
 * A clock that is right and kept right. Further off than `warnAboveMs`, or not kept in step, is a warning; the clock of the
 * machine that runs the playbook is the measure.
 * @example
 * clock({ warnAboveMs: 5000, failAboveMs: 60_000 })
 */
export function clock({
  warnAboveMs = 5000,
  failAboveMs = 60_000,
}: { readonly warnAboveMs?: number; readonly failAboveMs?: number } = {}): RequirementStep {
  return requirement({
    name: 'clock',
    rule: `a synchronised clock that is right to ${warnAboveMs / 1000} s, at most ${failAboveMs / 1000} s off`,
    async check(host) {
      const [{ clockSkewMs }, kept] = await Promise.all([host.facts(), isSynchronised(host)]);
      const off = Math.abs(clockSkewMs);
      const direction = clockSkewMs < 0 ? 'behind' : 'ahead';
      const offset = off < 1000 ? 'right to the second' : `${(off / 1000).toFixed(1)} s ${direction}`;
      const figure = `${offset}, ${kept ? 'synchronised' : 'not known to be synchronised'}`;
      const advice = 'install and start chrony or systemd-timesyncd: certificates are checked by the clock';
      if (off > failAboveMs) return { level: 'fail', figure, advice };
      return off > warnAboveMs || !kept ? { level: 'warn', figure, advice } : { level: 'pass', figure };
    },
  });
}

async function isSynchronised(host: ReadHost): Promise<boolean> {
  const { stdout } = await host.probe(sh`LC_ALL=C; export LC_ALL
timedatectl show -p NTPSynchronized --value 2>/dev/null
! command -v chronyc >/dev/null 2>&1 || chronyc -n tracking 2>/dev/null
exit 0`);
  return /^yes$|^Leap status *: Normal/m.test(stdout);
}
