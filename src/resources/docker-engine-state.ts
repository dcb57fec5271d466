import type { ReadHost } from '../core/host.ts';
import { joinScripts, Script } from '../core/script.ts';
import { quoteLine, tellFirstLine } from './docker-client.ts';

/**
 * What runs containers on a host.
 * `client` is a Docker client without an engine; `other` is an engine that neither Debian nor Docker has packaged.
 */
export type EngineKind = 'docker.io' | 'docker-ce' | 'other' | 'client' | 'podman' | 'snap' | 'rootless';

export interface DockerEngineState {
  readonly kind: EngineKind;
  /** Version of the engine that answers: `28.1.1`. */
  readonly version?: string;
  /** Whether it answers. */
  readonly running: boolean;
  /** In systemd's words: `enabled`, `disabled`, `masked`; empty where systemd does not know it. */
  readonly boot: string;
}

/** What the host said, one value a key. */
export type EngineEvidence = Readonly<Record<string, string>>;

/** Looks for a Docker Engine; undefined when there is nothing of the kind. */
export async function readDockerEngine(host: ReadHost): Promise<DockerEngineState | undefined> {
  const { stdout } = await host.probe(collect);
  return classifyEngine(parseEvidence(stdout));
}

/**
 * What the evidence means. What only looks like Docker is told apart first: it also answers to the name.
 * @example
 * classifyEngine({ client: '/usr/bin/docker', release: 'podman version 4.3.1' })?.kind; // => 'podman'
 */
export function classifyEngine(evidence: EngineEvidence): DockerEngineState | undefined {
  const said = (key: string) => evidence[key] ?? '';
  const kind = kindOf(said);
  if (kind === undefined) return undefined;
  const version = /^\d+\.\d+\S*/.exec(said('server'))?.[0];
  return {
    kind,
    ...(version !== undefined && { version: quoteLine(version, 40) }),
    running: version !== undefined,
    boot: quoteLine(said('boot'), 20),
  };
}

/** Packages on the host that have to do with Docker, of those that `collect` asks for. */
export function installedPackages(evidence: EngineEvidence): string[] {
  return (evidence['packages'] ?? '').split(' ').filter((name) => /^[a-z0-9.+-]+$/.test(name));
}

/** Asks the host all that tells engines apart. */
export async function collectEvidence(host: ReadHost): Promise<EngineEvidence> {
  return parseEvidence((await host.probe(collect)).stdout);
}

function kindOf(said: (key: string) => string): EngineKind | undefined {
  const packages = said('packages').split(' ');
  const isPodman = /podman/i.test(said('release')) || packages.includes('podman-docker');
  const isSnap = [said('client'), said('clientFile'), said('daemon')].some((path) =>
    path.startsWith('/snap/'),
  );
  if (isPodman) return 'podman';
  if (/rootless/.test(said('security')) || said('elsewhere') !== '') return 'rootless';
  if (isSnap) return 'snap';
  if (said('daemon') !== '') {
    if (packages.includes('docker-ce')) return 'docker-ce';
    return packages.includes('docker.io') ? 'docker.io' : 'other';
  }
  return said('client') === '' ? undefined : 'client';
}

// The first value of a key counts: a later line may be part of what a program printed.
function parseEvidence(stdout: string): EngineEvidence {
  const evidence: Record<string, string> = {};
  for (const line of stdout.split('\n')) {
    const equals = line.indexOf('=');
    const key = line.slice(0, equals);
    if (equals > 0 && !Object.hasOwn(evidence, key)) evidence[key] = line.slice(equals + 1).trim();
  }
  return evidence;
}

// Two questions to Docker where an engine answers: each is a process that looks for all its plugins first.
const collect = joinScripts([
  tellFirstLine,
  Script.fromTrusted(`PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/snap/bin
client=$(command -v docker)
echo "client=$client"
echo "clientFile=\${client:+$(readlink -f "$client")}"
daemon=$(command -v dockerd)
echo "daemon=\${daemon:+$(readlink -f "$daemon")}"
case \${DOCKER_HOST-} in
  ''|unix:///var/run/docker.sock|unix:///run/docker.sock) ;;
  *) tell elsewhere "$DOCKER_HOST" ;;
esac
packages=
for entry in $(dpkg-query -W -f='\${db:Status-Status}/\${Package}\\n' docker.io docker-cli docker-ce docker-ce-cli containerd containerd.io runc podman-docker moby-engine moby-cli 2>/dev/null); do
  case $entry in installed/*) packages="$packages \${entry#*/}" ;; esac
done
echo "packages=$packages"
if [ -n "$client" ]; then
  tell release "$(docker --version 2>&1)"
  engine=$(docker info --format '{{.ServerVersion}} {{.SecurityOptions}}' 2>/dev/null)
  server=\${engine%% *}
  [ -n "$server" ] || server=$(docker version --format '{{.Server.Version}}' 2>/dev/null)
  tell server "$server"
  tell security "\${engine#* }"
fi
tell boot "$(systemctl is-enabled docker.service 2>/dev/null)"
apparmor=
{ read -r apparmor </sys/module/apparmor/parameters/enabled; } 2>/dev/null
echo "apparmor=$apparmor"`),
]);
