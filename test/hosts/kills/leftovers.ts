import type { TestHost } from '../support/test-host.ts';
import { registryLogin } from './site.ts';

// Everything that provision makes for a moment has its name in it, the containers that it puts aside too.
const script = String.raw`
find / -xdev \( -path /proc -o -path /sys -o -path /var/lib/docker -o -path /usr \) -prune -o -name '*provision*' -print
find /run /dev/shm -name '*provision*' -print
docker ps -a --format 'container {{.Names}}' 2>/dev/null | grep -vx 'container rancher'
dpkg --audit
ls -A /var/lib/dpkg/updates
ps -eo args= | grep -E '^(sh -c .*apt-get|apt-get|dpkg|docker (pull|login|run|stop)) ' | sed 's/^/process /'
ls -A /var/lib/provision/due 2>/dev/null | sed 's/^/due note /'
[ ! -e /etc/killed-runs.conf ] || [ "$(tail -n 1 /var/log/killed-runs.log)" = "$(cat /etc/killed-runs.conf)" ] ||
  echo 'the action for /etc/killed-runs.conf was not done'
for secret in "$@"; do
  grep -rlF -e "$secret" /run /tmp /root /home /etc /var/lib/provision 2>/dev/null | sed 's/^/login in /'
done
true`;

/** Of what is named after provision, what stays on purpose. */
const lasting = [/^\/var\/lib\/provision(\/(due|file-sets))?$/, /^\/run\/provision(\/(lock|shells|owner))?$/];

/** What killed runs have left behind on a host, one line each. */
export async function findLeftovers(host: TestHost): Promise<string[]> {
  const { user, password } = registryLogin;
  const login = Buffer.from(`${user}:${password}`).toString('base64');
  const { output } = await host.container.exec(['sh', '-c', script, 'sh', password, login]);
  return [...new Set(output.split('\n'))]
    .filter((line) => line !== '' && !lasting.some((pattern) => pattern.test(line)))
    .map((line) => `${host.name}: ${line}`);
}
