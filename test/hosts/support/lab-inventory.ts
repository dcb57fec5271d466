import type { Lab } from './lab.ts';

/** The inventory of a lab, as its user would write it: hosts pinned by the fingerprints of their keys. */
export function labInventory(
  { rancher, lb }: Pick<Lab, 'rancher' | 'lb'>,
  options: {
    readonly hostname: string;
    /** In YAML, on one line. Left out: the inventory leaves it open. */
    readonly certificate?: string;
    /** Further vars in YAML, indented by four. */
    readonly rancher?: string;
    readonly lb?: string;
    /** The login on both hosts. Default `root`. */
    readonly user?: string;
    /** Where SSH is reached, when not directly: through proxies. */
    readonly ports?: { readonly rancher: number; readonly lb: number };
    /** Whether it names the keys of the hosts. Default true. */
    readonly pinned?: boolean;
  },
): string {
  const { hostname, certificate, user = 'root', pinned = true } = options;
  const { ports = { rancher: rancher.port, lb: lb.port } } = options;
  const entry = (name: string, host: Lab['rancher'], port: number) =>
    `    ${name}: { host: 127.0.0.1, port: ${port}, address: ${host.addressInNetwork}${
      pinned ? `, fingerprint: '${host.hostKeyFingerprint}'` : ''
    } }`;
  return `# Two hosts of a test
all:
  vars:
    hostname: ${hostname}
${certificate === undefined ? '' : `    certificate: ${certificate}\n`}    user: ${user}
    key: ${rancher.privateKeyPath}
rancher:
  hosts:
${entry('rancher-1', rancher, ports.rancher)}
${options.rancher === undefined ? '' : `  vars:\n${options.rancher}\n`}lb:
  hosts:
${entry('lb-1', lb, ports.lb)}
${options.lb === undefined ? '' : `  vars:\n${options.lb}\n`}`;
}
