import {
  architecture,
  cgroups,
  clock,
  cpus,
  diskFree,
  dockerKind,
  kernelModules,
  memory,
  osFamily,
  portsFree,
  ProvisionError,
  requirement,
  sh,
  type StepList,
} from 'provision';
import { rancherRelease } from './rancher-release.ts';

/**
 * What a host must have to run Rancher in a container, for an installation of this size.
 * @see https://ranchermanager.docs.rancher.com/getting-started/installation-and-upgrade/installation-requirements
 */
export function rancherRequirements(props: {
  readonly image: string;
  readonly size: 'small' | 'medium';
  readonly dataDir: string;
  readonly ports: readonly number[];
}): StepList {
  const size = { small: { cpus: 1, memoryGb: 4 }, medium: { cpus: 2, memoryGb: 8 } }[props.size];
  // Since 2.5 a whole k3s runs inside, which uses the kernel of the host.
  const release = rancherRelease(props.image);
  const wholeNode = release.privileged;
  return [
    osFamily({ families: ['debian', 'ubuntu'] }),
    architecture({ supported: ['x86_64'], experimental: ['aarch64'] }),
    cpus({ atLeast: size.cpus, recommended: wholeNode ? 2 : size.cpus }),
    memory({ atLeastGb: size.memoryGb }),
    diskFree({ paths: ['/var/lib/docker', props.dataDir], warnBelowGb: 20, failBelowGb: 10 }),
    wholeNode
      ? [kernelModules(['overlay', 'br_netfilter', 'ip_tables', 'iptable_nat', 'iptable_filter'])]
      : [],
    wholeNode ? [kernelMessages()] : [],
    cgroups({ v2: release.cgroupV2 ? 'pass' : 'fail' }),
    clock(),
    dockerKind(),
    portsFree(props.ports.map((port) => ({ port, ownContainer: 'io.provision.container=rancher' }))),
  ];
}

/** What a host must have to be the load balancer, the way to the Rancher nodes included. */
export function loadBalancerRequirements(props: {
  readonly ports: readonly number[];
  readonly hostname: string;
  readonly nodes: readonly {
    readonly name: string;
    readonly address: string;
    readonly vars: { readonly http_port: number };
  }[];
}): StepList {
  return [
    osFamily({ families: ['debian', 'ubuntu'] }),
    clock(),
    portsFree(props.ports.map((port) => ({ port, ownedBy: ['nginx'] }))),
    resolves(props.hostname, props.nodes),
    props.nodes.map((node) => reaches(node.name, node.address, node.vars.http_port)),
  ];
}

/** Without this device the entrypoint of Rancher ends at once, whatever the container is allowed. */
function kernelMessages() {
  return requirement({
    name: 'kmsg',
    rule: 'the device /dev/kmsg',
    async check(host) {
      const { code } = await host.probe(sh`[ -e /dev/kmsg ]`);
      if (code === 0) return { level: 'pass', figure: '/dev/kmsg is there' };
      return {
        level: 'fail',
        figure: 'no /dev/kmsg',
        advice: 'use a machine rather than an unprivileged container',
      };
    },
  });
}

/** A name that leads past the balancer is the commonest reason for agents that cannot connect. */
function resolves(hostname: string, nodes: readonly { readonly address: string }[]) {
  return requirement({
    name: 'dns',
    rule: `${hostname} leads to the load balancer`,
    async check(host) {
      const { stdout } = await host.probe(sh`getent ahosts ${hostname}`);
      const found = stdout.matchAll(/^([0-9a-fA-F:.]{2,45})(?:\s|$)/gm);
      const addresses = [...new Set([...found].map(([, address]) => address!))].sort().slice(0, 8);
      if (addresses.length === 0) {
        return {
          level: 'warn',
          figure: `${hostname} does not resolve`,
          advice: 'add it to DNS before people use it',
        };
      }
      const figure = `${hostname} is ${addresses.join(', ')}`;
      if (!nodes.some((node) => addresses.includes(node.address))) return { level: 'pass', figure };
      return { level: 'fail', figure, advice: 'let it lead to the load balancer, not to a Rancher node' };
    },
  });
}

/** Refused is fine before the first installation; no answer at all is a firewall. */
function reaches(name: string, address: string, port: number) {
  return requirement({
    name: `path-to-${name.toLowerCase().replaceAll(/[^a-z0-9-]/g, '-')}`,
    rule: `a way to ${address} port ${port}`,
    async check(host) {
      try {
        await host.request({ address, port, path: '/ping', timeoutMs: 5000 });
        return { level: 'pass', figure: 'answers' };
      } catch (error) {
        if (!(error instanceof ProvisionError)) throw error;
        if (error.code === 'CONN_REFUSED') return { level: 'pass', figure: 'reachable, nothing listens yet' };
        const advice = 'open the firewall between the load balancer and the Rancher node';
        if (error.code === 'CONN_TIMEOUT') return { level: 'fail', figure: 'no answer within 5 s', advice };
        return { level: 'warn', figure: error.problems[0].happened, advice };
      }
    },
  });
}
