import type { Change } from '../core/change.ts';
import { ProvisionError } from '../core/errors.ts';
import { resource } from '../core/resource.ts';
import { callSite } from '../core/source.ts';
import type { DockerEngineProps } from './docker-engine-install.ts';
import { installDockerEngine, refuseEngine, requireInstallable } from './docker-engine-install.ts';
import { startDockerEngine } from './docker-engine-start.ts';
import type { DockerEngineState } from './docker-engine-state.ts';
import { readDockerEngine } from './docker-engine-state.ts';

/**
 * A Docker Engine that runs, now and at boot. Every proper engine will do, wherever it came from: it is never removed and
 * never mixed with another. Podman's stand-in, a snap and a rootless engine are none.
 * @throws ProvisionError `PLAYBOOK` for a version that is none; on the host `UNSUPPORTED`, `PACKAGE`, `DOCKER`
 * @example dockerEngine({ source: 'distribution' })
 * @see https://docs.docker.com/engine/install/
 */
export const dockerEngine = resource<DockerEngineProps, DockerEngineProps, DockerEngineState>({
  kind: 'docker engine',
  want: engineWant,
  id: ({ source }) => source,
  async read(host) {
    const have = await readDockerEngine(host);
    if (!have) requireInstallable(await host.facts());
    return have;
  },
  diff: engineChanges,
  effects: (_have, _want, changes) => [
    ...(changes.some(({ path }) => path === 'engine')
      ? [{ type: 'install' as const, what: 'the packages of the Docker Engine' }]
      : []),
    ...(changes.some(({ path }) => path === 'running')
      ? [{ type: 'start' as const, what: 'the Docker Engine' }]
      : []),
  ],
  async apply(host, want, have) {
    refuseEngine(have);
    if (!have || have.kind === 'client') await installDockerEngine(host, want);
    await startDockerEngine(host);
  },
});

function engineWant(props: DockerEngineProps): DockerEngineProps {
  const refuse = (happened: string, remedy: string): never => {
    throw new ProvisionError({ code: 'PLAYBOOK', at: callSite(), happened, remedy });
  };
  const { source, version } = props;
  if (version !== undefined && source !== 'docker') {
    refuse(
      'a version of the Docker Engine can be chosen from Docker’s own packages only',
      "say source: 'docker', or leave the version out",
    );
  }
  if (version !== undefined && !/^\d{2}\.\d{1,2}(?:\.\d{1,3})?$/.test(version)) {
    refuse(`${JSON.stringify(version)} is no version of the Docker Engine`, 'write it as 28.1 or 28.1.1');
  }
  return props;
}

function engineChanges(have: DockerEngineState | undefined, { source }: DockerEngineProps): Change[] {
  const isEngine = have !== undefined && ['docker.io', 'docker-ce', 'other'].includes(have.kind);
  // Where systemd does not know the engine, something else starts it.
  const startsAtBoot = have !== undefined && (have.boot === 'enabled' || (have.boot === '' && have.running));
  const before = (value: string | undefined) => (value === undefined ? {} : { have: value });
  const wanted = source === 'docker' ? 'docker-ce' : 'docker.io';
  return [
    ...(isEngine ? [] : [{ type: 'value' as const, path: 'engine', ...before(have?.kind), want: wanted }]),
    ...(have?.running
      ? []
      : [{ type: 'value' as const, path: 'running', ...(have && { have: false }), want: true }]),
    ...(startsAtBoot
      ? []
      : [{ type: 'value' as const, path: 'enabled', ...before(have?.boot), want: 'enabled' }]),
  ];
}

export type { DockerEngineProps } from './docker-engine-install.ts';
