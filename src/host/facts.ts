import type { Facts } from '../core/host.ts';
import { Script } from '../core/script.ts';
import type { Connection } from './connection.ts';

/** What a host is, by one script in one round trip. `clock` gives milliseconds since 1970. */
export async function gatherFacts(connection: Connection, clock: () => number): Promise<Facts> {
  const before = clock();
  const { stdout } = await connection.execute(gather, { doing: 'gathering facts', timeoutMs: 60_000 });
  return parseFacts(stdout, (before + clock()) / 2);
}

// os-release comes last and is only read, never sourced: it is the host's word.
const gather = Script.fromTrusted(`LC_ALL=C; export LC_ALL
echo "now=$(date +%s%N)"
set -- $(uname -rm)
echo "kernel=$1"
echo "architecture=$2"
echo "cpus=$(nproc 2>/dev/null || grep -c ^processor /proc/cpuinfo)"
while read -r key value _; do [ "$key" = MemTotal: ] && echo "memory=$value"; done </proc/meminfo
[ -d /run/systemd/system ] && echo systemd=yes
[ -e /proc/net/if_inet6 ] && echo ipv6=yes
echo os-release
for file in /etc/os-release /usr/lib/os-release; do [ -r "$file" ] && head -c 16384 "$file" && break; done
exit 0`);

/** Reads the answer of a host, which may be anything: unknown lines are ignored, values bounded and stripped of control characters. */
export function parseFacts(stdout: string, controllerMs: number): Facts {
  const text = stdout.slice(0, 65_536);
  const border = text.indexOf('\nos-release\n');
  const own = keyValues(border < 0 ? text : text.slice(0, border));
  const os = keyValues(border < 0 ? '' : text.slice(border + '\nos-release\n'.length));
  return {
    os: os.get('ID') || 'unknown',
    osLike: (os.get('ID_LIKE') ?? '').split(' ').filter(Boolean),
    osVersion: os.get('VERSION_ID') ?? '',
    osCodename: os.get('VERSION_CODENAME') ?? '',
    osName: os.get('PRETTY_NAME') ?? os.get('NAME') ?? '',
    architecture: own.get('architecture') ?? '',
    kernel: own.get('kernel') ?? '',
    cpus: wholeNumber(own.get('cpus')),
    memoryKb: wholeNumber(own.get('memory')),
    systemd: own.get('systemd') === 'yes',
    ipv6: own.get('ipv6') === 'yes',
    clockSkewMs: Math.round(hostMs(own.get('now'), controllerMs) - controllerMs),
  };
}

function keyValues(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    if (equals > 0) values.set(line.slice(0, equals), plain(line.slice(equals + 1, equals + 513)));
  }
  return values;
}

/** @see os-release(5): values may be quoted as in a shell */
function plain(value: string): string {
  const quoted = /^(["'])([^]*)\1\s*$/.exec(value);
  const text = quoted ? quoted[2]! : value;
  const unescaped = quoted?.[1] === "'" ? text : text.replace(/\\(["'$`\\])/g, '$1');
  return unescaped.replace(/[\0-\x1f\x7f-\x9f]/g, '').trim();
}

function wholeNumber(text = ''): number {
  return /^\d{1,12}$/.test(text) ? Number(text) : 0;
}

function hostMs(now = '', controllerMs: number): number {
  if (/^\d{19}$/.test(now)) return Number(now.slice(0, 13));
  // busybox knows no nanoseconds: half a second is the mean of what it left out.
  const seconds = /^(\d{9,11})(%?N)?$/.exec(now)?.[1];
  return seconds === undefined ? controllerMs : Number(seconds) * 1000 + 500;
}
