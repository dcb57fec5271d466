import { resource } from '../core/resource.ts';
import { applyContainer } from './container-apply.ts';
import { containerEffects } from './container-effects.ts';
import { containerChanges, lastingState, readContainerState } from './container-state.ts';
import { containerWant } from './container-want.ts';

/**
 * A Docker container that runs as wanted. It is found again by its label and re-created only when what is wanted has changed,
 * not when a tag has moved. The new one must come up before the old one is removed; when it does not, the old one runs again.
 * A first container that does not come up stays, to be looked at; the next run repairs it. Volumes are never removed.
 * @throws ProvisionError `PLAYBOOK` for props that make no sense; on the host `NAME_CONFLICT`, `IMAGE_PULL`,
 *   `CONTAINER_UNHEALTHY`, `STEP_FAILED`, `DOCKER`
 * @example
 * container({
 *   name: 'rancher',
 *   image: 'rancher/rancher:v2.8.5',
 *   ports: [{ host: 80, container: 80 }],
 *   mounts: [{ type: 'bind', source: '/opt/rancher', target: '/var/lib/rancher', create: true }],
 *   privileged: true,
 *   args: ['--no-cacerts'],
 * })
 * @see https://docs.docker.com/reference/cli/docker/container/run/
 */
export const container = resource({
  kind: 'container',
  want: containerWant,
  id: (want) => want.name,
  read: readContainerState,
  diff: containerChanges,
  precondition: lastingState,
  effects: containerEffects,
  apply: (host, want) => applyContainer(host, want),
});

export type { ContainerMount, ContainerPort, ContainerProps, ContainerReadiness } from './container-want.ts';
