import type { TestHost } from './test-host.ts';

/** What of a host must not move when nothing is to be changed. Each entry is one fact by its name. */
export type HostSnapshot = ReadonlyMap<string, string>;

// One process a kind: on a host with a thousand files the whole of it takes a tenth of a second.
const script = String.raw`
for path in "$@"; do
  [ -e "$path" ] || continue
  find "$path" -exec stat -c '%n|mode %a, owner %U:%G, inode %i, modified %y, size %s' {} +
  find "$path" -type f -exec sha256sum {} + | sed -n 's/^\(\\\?[0-9a-f]*\)  \(.*\)$/content of \2|\1/p'
  find "$path" -type l -printf 'target of %p|%l\n'
done
echo "packages|$(dpkg-query -W -f '\${Package} \${Version} \${Status}\n' | sha256sum)"
ps -C nginx -o pid=,lstart=,args= | while read -r pid started; do echo "nginx process $pid|$started"; done
# Asking an engine that is not running would start it.
if systemctl --quiet is-active docker; then
  docker ps -aq --no-trunc | xargs -r docker inspect \
    -f 'container {{.Name}}|{{.Id}} started {{.State.StartedAt}}, {{.RestartCount}} restarts, {{.State.Status}}'
  docker image ls -a --no-trunc --format 'image {{.Repository}}:{{.Tag}}|{{.ID}}'
  docker volume ls --format 'volume {{.Name}}|{{.Driver}}'
fi
true`;

/**
 * Looks at `/etc`, at further paths, at the packages, at the processes of nginx and at what the engine holds.
 * @see diffSnapshots
 */
export async function readSnapshot(host: TestHost, paths: string[]): Promise<HostSnapshot> {
  const { exitCode, output } = await host.container.exec(['sh', '-c', script, 'sh', '/etc', ...paths]);
  if (exitCode !== 0) throw new Error(`${host.name}: the snapshot ended with ${exitCode}:\n${output}`);
  return new Map(
    output
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const at = line.indexOf('|');
        return [line.slice(0, at), line.slice(at + 1)];
      }),
  );
}

/**
 * What moved between two snapshots, one line each; empty when nothing did.
 * @example expect(diffSnapshots(before, await host.snapshot())).toEqual([]);
 */
export function diffSnapshots(before: HostSnapshot, after: HostSnapshot): string[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names
    .filter((name) => before.get(name) !== after.get(name))
    .map((name) => `${name}: ${before.get(name) ?? 'absent'} -> ${after.get(name) ?? 'absent'}`);
}
