import { requirement } from '../../core/requirement.ts';
import { joinScripts, Script, sh } from '../../core/script.ts';
import type { RequirementStep } from '../../core/step.ts';

/**
 * Kernel modules that are loaded, built in, or can be loaded; a host that does not say (a container) is a warning.
 * @example
 * kernelModules(['overlay', 'br_netfilter', 'iptable_nat'])
 */
export function kernelModules(modules: readonly string[]): RequirementStep {
  return requirement({
    name: 'kernel-modules',
    rule: `the kernel modules ${modules.join(', ')}`,
    async check(host) {
      const { stdout } = await host.probe(joinScripts([sh`set -- ${modules}`, look]));
      const states = new Map(modules.map((module) => [module, 'unknown']));
      for (const [, module, state] of stdout.matchAll(/^(\S{1,64}) (there|loadable|unknown|missing)$/gm)) {
        if (states.has(module!)) states.set(module!, state!);
      }
      const those = (state: string) => modules.filter((module) => states.get(module) === state);
      const missing = those('missing');
      if (missing.length > 0) {
        const advice = `install the package with the other modules of this kernel, then: modprobe -a ${missing.join(' ')}`;
        return { level: 'fail', figure: `missing: ${missing.join(', ')}`, advice };
      }
      const unknown = those('unknown');
      if (unknown.length > 0) {
        const advice =
          'this host has no list of its modules (a container?): make sure that its kernel has them';
        return { level: 'warn', figure: `unknown: ${unknown.join(', ')}`, advice };
      }
      const loadable = those('loadable');
      const rest = loadable.length > 0 ? `, ${loadable.join(', ')} can be loaded` : '';
      return { level: 'pass', figure: `${those('there').length} of ${modules.length} in use${rest}` };
    },
  });
}

// What is built in without parameters has no folder in /sys/module, so its effect is looked for.
const look = Script.fromTrusted(`release=
{ read -r release </proc/sys/kernel/osrelease; } 2>/dev/null
folder=/lib/modules/$release
listed() {
  while read -r line; do
    for word in $line; do [ "$word" != "$1" ] || return 0; done
  done <"$2"
  return 1
} 2>/dev/null
effect() {
  case $1 in
    br_netfilter) [ -d /proc/sys/net/bridge ] ;;
    overlay) listed overlay /proc/filesystems ;;
    ip_tables) [ -e /proc/net/ip_tables_names ] ;;
    iptable_*) listed "\${1#iptable_}" /proc/net/ip_tables_names ;;
    *) false ;;
  esac
}
for module do
  if [ -d "/sys/module/$module" ] || effect "$module"; then state=there
  elif [ ! -d "$folder" ]; then state=unknown
  elif grep -qs "/$module.ko" "$folder/modules.builtin"; then state=there
  elif modprobe -nq -- "$module"; then state=loadable
  else state=missing; fi
  echo "$module $state"
done`);
