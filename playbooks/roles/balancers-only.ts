import { isIP } from 'node:net';
import { contentHash, ProvisionError, resource, sh, type Host } from 'provision';

export interface BalancersOnlyProps {
  /** Ports of the host that lead to Rancher. */
  readonly ports: readonly number[];
  /** Who may use them. The host itself always may. */
  readonly balancers: readonly { readonly name: string; readonly address: string }[];
}

const chain = 'PROVISION-RANCHER';
const unit = 'provision-rancher-ports.service';
const scriptPath = '/usr/local/sbin/provision-rancher-ports';
const unitPath = `/etc/systemd/system/${unit}`;

/**
 * Only the load balancers reach the ports of Rancher: Docker publishes ports past ufw and firewalld, and without TLS in between,
 * whoever reaches them reads along. Holds after a restart of Docker or of the host.
 * @throws ProvisionError `PLAYBOOK` when a balancer has no IP address: a name could mean another machine after the next boot
 * @see https://docs.docker.com/engine/network/packet-filtering-firewalls/
 */
export const balancersOnly = resource({
  kind: 'firewall',
  want: ({ ports, balancers }: BalancersOnlyProps) => {
    const named = balancers.filter(({ address }) => isIP(address) === 0).map(({ name }) => name);
    if (named.length > 0) {
      throw new ProvisionError({
        code: 'PLAYBOOK',
        happened: `reachable_from: balancers needs the IP address of ${named.join(', ')}`,
        remedy: 'write it in the inventory: address: 192.0.2.20',
      });
    }
    const script = firewallScript(
      ports,
      balancers.map(({ address }) => address),
    );
    return { script, unit: unitText, boot: 'enabled', rules: `${ports.length} ports, ${hashOf(script)}` };
  },
  id: () => 'ports of rancher',
  read: async (host, want) => {
    const [script, unitFile, { stdout }] = await Promise.all([
      host.readFile(scriptPath),
      host.readFile(unitPath),
      host.probe(sh`echo "$(systemctl is-enabled ${unit} 2>/dev/null)"
iptables -w -S DOCKER-USER 2>/dev/null | grep -c -e ${`-j ${chain}$`}
iptables -w -S ${chain} 2>/dev/null | grep -o -e ${`provision-${hashOf(want.script)}`}`),
    ]);
    const [boot = '', jumps = '', seal = ''] = stdout.split('\n');
    const rules = `${jumps} ports, ${seal.replace('provision-', '')}`;
    return { script, unit: unitFile, ...(boot !== '' && { boot }), rules };
  },
  effects: () => [{ type: 'restart', what: unit }],
  async apply(host: Host, want) {
    await host.writeFile(scriptPath, want.script, { mode: '0755' });
    await host.writeFile(unitPath, want.unit, { mode: '0644' });
    await host.run(
      sh`systemctl daemon-reload && systemctl --quiet enable ${unit} && systemctl restart ${unit}`,
      {
        doing: `starting ${unit}`,
      },
    );
  },
});

// Before Docker, which keeps a chain that it finds: no container is started while the ports are open.
const unitText = `# Written by provision
[Unit]
Description=Only the load balancers reach the ports of Rancher
Before=docker.service
PartOf=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${scriptPath}

[Install]
WantedBy=docker.service
`;

function firewallScript(ports: readonly number[], addresses: readonly string[]): string {
  const allowed = (version: number) => addresses.filter((address) => isIP(address) === version).join(' ');
  const text = `#!/bin/sh
# Written by provision: only the load balancers reach the ports of Rancher.
set -u
guard() {
  tool=$1 addresses=$2
  command -v "$tool" >/dev/null && "$tool" -w -n -L INPUT >/dev/null 2>&1 || return 0
  {
    echo '*filter'
    echo ':${chain} - [0:0]'
    for address in $addresses; do echo "-A ${chain} -s $address -j RETURN"; done
    echo '-A ${chain} -m comment --comment provision-SEAL -j DROP'
    echo COMMIT
  } | "$tool-restore" -w --noflush || exit
  # The new jumps come before the old ones go, so that no moment is open.
  attach INPUT '! -i lo -p tcp --dport'
  "$tool" -w -N DOCKER-USER 2>/dev/null
  attach DOCKER-USER '-p tcp -m conntrack --ctdir ORIGINAL --ctstate DNAT --ctorigdstport'
}
attach() {
  old=$("$tool" -w -S "$1") || exit
  for port in ${ports.join(' ')}; do "$tool" -w -I "$1" $2 "$port" -j ${chain} || exit; done
  printf '%s\\n' "$old" | grep -e ' -j ${chain}$' | while read -r _ rule; do "$tool" -w -D $rule || exit; done
}
guard iptables '${allowed(4)}'
# Where Docker leaves IPv6 to its proxy, the ports are open there as well.
guard ip6tables '${allowed(6)}'
`;
  return text.replace('SEAL', hashOf(text));
}

/** Of the text with or without its own hash in it. */
function hashOf(script: string): string {
  return contentHash(script.replace(/provision-[0-9a-f]{16} -j DROP/, 'provision-SEAL -j DROP')).slice(0, 16);
}
