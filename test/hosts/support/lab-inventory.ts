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
  },
): string {
  const entry = (name: string, host: Lab['rancher']) =>
    `    ${name}: { host: 127.0.0.1, port: ${host.port}, address: ${host.addressInNetwork}, fingerprint: '${host.hostKeyFingerprint}' }`;
  const { hostname, certificate, user = 'root' } = options;
  return `# Two hosts of a test
all:
  vars:
    hostname: ${hostname}
${certificate === undefined ? '' : `    certificate: ${certificate}\n`}    user: ${user}
    key: ${rancher.privateKeyPath}
rancher:
  hosts:
${entry('rancher-1', rancher)}
${options.rancher === undefined ? '' : `  vars:\n${options.rancher}\n`}lb:
  hosts:
${entry('lb-1', lb)}
${options.lb === undefined ? '' : `  vars:\n${options.lb}\n`}`;
}
