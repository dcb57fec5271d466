import { requirement } from '../../core/requirement.ts';
import { joinScripts, Script, sh } from '../../core/script.ts';
import type { RequirementStep } from '../../core/step.ts';

const kbOfGb = 1024 * 1024;

/**
 * Room on the file systems of these paths, in GB. A path that does not exist yet counts with its nearest parent.
 * @example
 * diskFree({ paths: ['/var/lib/docker', '/opt/rancher'], warnBelowGb: 20, failBelowGb: 10 })
 */
export function diskFree({
  paths,
  warnBelowGb,
  failBelowGb,
}: {
  readonly paths: readonly string[];
  readonly warnBelowGb: number;
  readonly failBelowGb: number;
}): RequirementStep {
  return requirement({
    name: 'disk',
    rule: `${warnBelowGb} GB free for ${paths.join(', ')}, at least ${failBelowGb} GB`,
    async check(host) {
      const { stdout } = await host.probe(joinScripts([sh`set -- ${paths}`, look]));
      const freeKb = new Map<string, number>();
      for (const [, free, mount] of stdout.matchAll(/ (\d{1,15}) +(?:\d{1,3}%|-) (\/.*)$/gm))
        freeKb.set(mount!, Number(free));
      if (freeKb.size === 0)
        return { level: 'warn', figure: 'unknown', advice: 'df gave no figure: look yourself' };
      const figure = [...freeKb]
        .map(([mount, free]) => `${(free / kbOfGb).toFixed(1)} GB free on ${mount}`)
        .join(', ');
      const least = Math.min(...freeKb.values()) / kbOfGb;
      if (least >= warnBelowGb) return { level: 'pass', figure };
      const advice = `make room: ${warnBelowGb} GB are good, ${failBelowGb} GB the least`;
      return { level: least >= failBelowGb ? 'warn' : 'fail', figure, advice };
    },
  });
}

const look = Script.fromTrusted(`LC_ALL=C; export LC_ALL
for path do
  shift
  until [ -d "$path" ]; do
    case $path in */*) path=\${path%/*} ;; *) path=. ;; esac
    path=\${path:-/}
  done
  set -- "$@" "$path"
done
[ $# -eq 0 ] || df -Pk -- "$@"`);
