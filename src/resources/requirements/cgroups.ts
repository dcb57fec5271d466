import { requirement } from '../../core/requirement.ts';
import { sh } from '../../core/script.ts';
import type { RequirementStep, Verdict } from '../../core/step.ts';

/**
 * Control groups that can limit memory, of a version that is fit.
 * @example
 * cgroups({ v1: 'warn', v2: 'pass' })
 */
export function cgroups({
  v1 = 'pass',
  v2 = 'pass',
}: { readonly v1?: Verdict['level']; readonly v2?: Verdict['level'] } = {}): RequirementStep {
  return requirement({
    name: 'cgroups',
    rule: `control groups with the memory controller${refused(v1, v2)}`,
    async check(host) {
      const { stdout } = await host.probe(sh`controllers=
if [ -r /sys/fs/cgroup/cgroup.controllers ]; then read -r controllers </sys/fs/cgroup/cgroup.controllers; echo "v2 $controllers"
else while read -r name _ _ enabled; do [ "$name$enabled" = memory1 ] && echo 'v1 memory'; done </proc/cgroups; fi
exit 0`);
      const [told = '', ...controllers] = stdout.trim().split(' ');
      const version = told === 'v2' ? 'v2' : 'v1';
      const figure = `cgroup ${version}`;
      if (!controllers.includes('memory')) {
        const advice = 'boot the kernel with cgroup_enable=memory (cgroup_memory=1 on some boards)';
        return { level: 'fail', figure: `${figure} without the memory controller`, advice };
      }
      const level = version === 'v2' ? v2 : v1;
      if (level === 'pass') return { level, figure };
      const other = version === 'v2' ? '0' : '1';
      return {
        level,
        figure,
        advice: `boot with systemd.unified_cgroup_hierarchy=${other}, or use a newer version`,
      };
    },
  });
}

function refused(v1: Verdict['level'], v2: Verdict['level']): string {
  if (v1 !== 'pass') return `, version 2${v1 === 'warn' ? ' if possible' : ''}`;
  return v2 === 'pass' ? '' : `, version 1${v2 === 'warn' ? ' if possible' : ''}`;
}
