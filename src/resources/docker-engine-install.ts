import { ProvisionError } from '../core/errors.ts';
import type { Facts, Host } from '../core/host.ts';
import { sh } from '../core/script.ts';
import { apt } from './apt.ts';
import { engineFailure } from './docker-client.ts';
import type { DockerEngineState, EngineEvidence } from './docker-engine-state.ts';
import { collectEvidence, installedPackages } from './docker-engine-state.ts';
import { addDockerRepository } from './docker-repository.ts';

export interface DockerEngineProps {
  /** Where an engine is taken from when there is none: the distribution's `docker.io`, or Docker's own packages. */
  readonly source: 'distribution' | 'docker';
  /**
   * Which version of Docker's own packages is installed when there is none: `28.1` or `28.1.1`. Default: the newest.
   * An engine that is there is never changed to another version.
   */
  readonly version?: string;
}

/**
 * Installs a Docker Engine on a host that has none, and removes nothing for it.
 * @throws ProvisionError `UNSUPPORTED`, `PACKAGE`, or `DOCKER` when other packages are in the way or it does not start
 */
export async function installDockerEngine(host: Host, want: DockerEngineProps): Promise<void> {
  requireInstallable(await host.facts());
  const evidence = await collectEvidence(host);
  refuseClash(want, installedPackages(evidence));
  await (want.source === 'docker'
    ? installFromDocker(host, want, evidence)
    : installFromDistribution(host, evidence));
}

/** @throws ProvisionError `UNSUPPORTED` for a system on which provision cannot install Docker */
export function requireInstallable({ os, osLike, osName, systemd }: Facts): void {
  const isDebian = ['debian', 'ubuntu'].some((id) => id === os || osLike.includes(id));
  if (isDebian && systemd) return;
  throw new ProvisionError({
    code: 'UNSUPPORTED',
    happened: isDebian
      ? `${osName || 'this host'} is not run by systemd, and has no Docker Engine`
      : `${osName || 'this system'} has no Docker Engine, and provision can install one on Debian and Ubuntu only`,
    hostState: 'nothing was changed',
    remedy:
      'install and start Docker Engine yourself (https://docs.docker.com/engine/install/) and run again, or use Debian or Ubuntu',
  });
}

/** @throws ProvisionError `DOCKER` for what answers to the name of Docker and is none */
export function refuseEngine(have: DockerEngineState | undefined): void {
  const why = have && impostors[have.kind];
  if (why === undefined) return;
  throw new ProvisionError({
    code: 'DOCKER',
    happened: `the host has ${why.what}`,
    hostState: 'it was not touched',
    remedy: why.remedy,
  });
}

const impostors: Readonly<Partial<Record<DockerEngineState['kind'], { what: string; remedy: string }>>> = {
  podman: {
    what: 'podman under the name of docker',
    remedy: 'remove the package podman-docker (podman itself may stay), then run again',
  },
  snap: {
    what: 'Docker as a snap, which cannot mount most folders of the host',
    remedy: 'move what runs in it, then "snap remove docker", and run again',
  },
  rootless: {
    what: 'Docker without root rights or on another machine (rootless, or DOCKER_HOST is set)',
    remedy: 'unset DOCKER_HOST for root, or install an engine that runs as root',
  },
};

// What these packages would push out; others on the host may need it.
const displaces: Readonly<Record<DockerEngineProps['source'], readonly string[]>> = {
  distribution: ['docker-ce-cli', 'containerd.io', 'moby-engine', 'moby-cli'],
  docker: ['docker.io', 'docker-cli', 'containerd', 'runc', 'moby-engine', 'moby-cli'],
};

function refuseClash({ source }: DockerEngineProps, installed: readonly string[]): void {
  const clash = installed.filter((name) => displaces[source].includes(name));
  if (clash.length === 0) return;
  const other = source === 'docker' ? 'distribution' : 'docker';
  throw new ProvisionError({
    code: 'DOCKER',
    happened: `installing Docker would remove ${clash.join(', ')}`,
    hostState: 'nothing was changed',
    remedy: `use dockerEngine({ source: '${other}' }), or remove ${clash.length === 1 ? 'it' : 'them'} yourself if nothing needs ${clash.length === 1 ? 'it' : 'them'}`,
  });
}

// Only recommended by the engine, and still needed: firewall rules, registries over TLS, and the profile of containers.
function companions(evidence: EngineEvidence): string[] {
  return ['iptables', 'ca-certificates', ...(evidence['apparmor'] === 'Y' ? ['apparmor'] : [])];
}

async function installFromDistribution(host: Host, evidence: EngineEvidence): Promise<void> {
  await install(host, ['docker.io', ...companions(evidence)]);
  // Since Debian 13 the client is a package of its own, and only recommended.
  const { code } = await host.probe(sh`command -v docker >/dev/null`);
  if (code !== 0) await install(host, ['docker-cli']);
}

async function installFromDocker(
  host: Host,
  { version }: DockerEngineProps,
  evidence: EngineEvidence,
): Promise<void> {
  const repository = await addDockerRepository(host);
  // The epoch is Docker's; the rest after the version names the distribution.
  const pin = version === undefined ? '' : `=5:${version}${version.split('.').length === 3 ? '-' : '.'}*`;
  try {
    await install(host, [`docker-ce${pin}`, `docker-ce-cli${pin}`, 'containerd.io', ...companions(evidence)]);
  } catch (error) {
    // A source that does not work would make every later call of apt fail.
    const { ['docker-ce']: state } = await apt.states(host, ['docker-ce']);
    if (state === undefined) await repository.undo();
    throw error;
  }
}

async function install(host: Host, packages: readonly string[]): Promise<void> {
  try {
    await apt.install(host, packages);
  } catch (error) {
    // The packages start the engine; when that fails, its journal says more than apt.
    const { code } = await host.probe(sh`systemctl is-failed --quiet docker.service`);
    if (code !== 0) throw error;
    throw await engineFailure(host, 'the Docker Engine was installed and does not start');
  }
}
