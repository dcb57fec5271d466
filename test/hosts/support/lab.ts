import { startNetwork, type TestNetwork } from './network.ts';
import { startRegistry, type RegistryOptions, type TestRegistry } from './registry.ts';
import { startHost, type HostOptions, type TestHost } from './test-host.ts';
import { currentRun, type TestRun } from './test-run.ts';

export interface LabOptions {
  /** How the hosts differ from bare ones. */
  rancher?: Partial<HostOptions>;
  lb?: Partial<HostOptions>;
  /** Adds a private registry, which both hosts trust. */
  registry?: Pick<RegistryOptions, 'user' | 'password' | 'tags'>;
  lifetimeMinutes?: number;
  run?: TestRun;
}

/** The hosts of the main job on a network of their own. */
export interface Lab {
  network: TestNetwork;
  rancher: TestHost;
  lb: TestHost;
  registry: TestRegistry | undefined;
  stop(): Promise<void>;
}

/**
 * Starts a host for Rancher and one for the balancer, and a registry where it is asked for, all at once.
 *
 * @throws {Error} when one of them does not start; the others are stopped then.
 * @example
 * const lab = await startLab({ rancher: { software: 'docker' } });
 * afterAll(() => lab.stop());
 */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const { run = currentRun(), lifetimeMinutes } = options;
  const network = await startNetwork({ run });
  const common = { network, run, ...(lifetimeMinutes !== undefined && { lifetimeMinutes }) };
  const started: { stop(): Promise<void> }[] = [];
  const stop = async () => {
    await Promise.all(started.map((part) => part.stop()));
    await network.stop();
  };
  const keep = async <Part extends { stop(): Promise<void> }>(part: Promise<Part>): Promise<Part> => {
    started.push(await part);
    return part;
  };
  const parts = [
    keep(startHost({ ...common, ...options.rancher, name: 'rancher' })),
    keep(startHost({ ...common, ...options.lb, name: 'lb' })),
    options.registry ? keep(startRegistry({ ...common, ...options.registry })) : Promise.resolve(undefined),
  ] as const;
  // All of them have to be settled before any is stopped, or the network is still in use.
  const failed = (await Promise.allSettled(parts)).find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  const [rancher, lb, registry] = await Promise.all(parts);
  if (registry !== undefined) await Promise.all([rancher, lb].map((host) => registry.trustOn(host)));
  return { network, rancher, lb, registry, stop };
}
