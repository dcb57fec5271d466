import type { ReadHost } from '../../core/host.ts';
import { requirement } from '../../core/requirement.ts';
import { sh } from '../../core/script.ts';
import type { RequirementStep } from '../../core/step.ts';

export interface PortClaim {
  /** TCP port that a service of the playbook will listen on. */
  readonly port: number;
  /** Processes that may hold it already, because the playbook brought them: `nginx`. */
  readonly ownedBy?: readonly string[];
  /** Label of the container that may hold it already: `com.example.name=web`. Other containers may not. */
  readonly ownContainer?: string;
}

interface Listener {
  readonly port: number;
  readonly programs: readonly string[];
}

/**
 * TCP ports that nobody listens on, except those who shall.
 * @example
 * portsFree([{ port: 80, ownedBy: ['nginx'] }, { port: 443, ownedBy: ['nginx'] }])
 */
export function portsFree(claims: readonly PortClaim[]): RequirementStep {
  const ports = claims.map(({ port }) => port).join(', ');
  return requirement({
    name: 'ports',
    rule: `the TCP ports ${ports} are free, or held by what this playbook manages`,
    async check(host) {
      const [listeners, published] = await Promise.all([listenersOf(host), portsOfContainers(host, claims)]);
      const strangers: string[] = [];
      const own: string[] = [];
      for (const claim of claims) {
        for (const { port, programs } of listeners.filter((each) => each.port === claim.port)) {
          const holder = `${port} by ${programs.join(', ') || 'a process that could not be named'}`;
          (isOwn(claim, programs, published) ? own : strangers).push(holder);
        }
      }
      if (strangers.length > 0) {
        const advice = 'stop or move what listens there (ss -ltnp names it), or choose other ports';
        return { level: 'fail', figure: `held: ${[...new Set(strangers)].join('; ')}`, advice };
      }
      return {
        level: 'pass',
        figure: own.length > 0 ? `held as wanted: ${[...new Set(own)].join('; ')}` : 'free',
      };
    },
  });
}

function isOwn(
  { port, ownedBy = [], ownContainer = '' }: PortClaim,
  programs: readonly string[],
  published: ReadonlyMap<string, string>,
): boolean {
  if (programs.length === 0) return false;
  if (programs.every((program) => ownedBy.includes(program))) return true;
  return (
    publishes(published.get(ownContainer) ?? '', port) &&
    programs.every((program) => program === 'docker-proxy')
  );
}

/** What Docker says of the ports of the containers of each label; asked beside the listeners, as a second run always needs it. */
async function portsOfContainers(
  host: ReadHost,
  claims: readonly PortClaim[],
): Promise<ReadonlyMap<string, string>> {
  const labels = [...new Set(claims.flatMap(({ ownContainer = [] }) => ownContainer))];
  const answers = labels.map(async (label) => {
    const { stdout } = await host.probe(
      sh`docker ps --filter ${`label=${label}`} --format '{{.Ports}}' 2>/dev/null`,
    );
    return [label, stdout] as const;
  });
  return new Map(await Promise.all(answers));
}

/** `0.0.0.0:80->80/tcp, :::8000-8001->8000-8001/tcp` */
function publishes(ports: string, wanted: number): boolean {
  const ranges = ports.slice(0, 64 * 1024).matchAll(/:(\d{1,5})(?:-(\d{1,5}))?->[\d-]{1,11}\/tcp/g);
  return [...ranges].some(([, first, last = first]) => Number(first) <= wanted && wanted <= Number(last));
}

/** Everything that listens on TCP; without names where the host has no `ss`. */
async function listenersOf(host: ReadHost): Promise<Listener[]> {
  const { stdout } = await host.probe(
    sh`ss -Hltnp 2>/dev/null || cat /proc/net/tcp /proc/net/tcp6 2>/dev/null`,
  );
  return stdout
    .slice(0, 256 * 1024)
    .split('\n')
    .flatMap((line) => parseSs(line) ?? parseProc(line) ?? []);
}

/** `LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:(("nginx",pid=1,fd=6))` */
function parseSs(line: string): Listener | undefined {
  const [, port, users = ''] =
    /^LISTEN +\d+ +\d+ +\S*:(\d{1,5}) +\S+(?: +users:(.*))?$/.exec(line.trim()) ?? [];
  if (port === undefined) return undefined;
  const programs = [...users.matchAll(/"([^"]{1,64})",pid=/g)].map(([, program]) => program!);
  return { port: Number(port), programs: [...new Set(programs)] };
}

/** A line of /proc/net/tcp: `0: 00000000:0050 00000000:0000 0A …`, where 0A means listening. */
function parseProc(line: string): Listener | undefined {
  const [, port] = /^\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A /.exec(line.trim()) ?? [];
  return port === undefined ? undefined : { port: Number.parseInt(port, 16), programs: [] };
}
