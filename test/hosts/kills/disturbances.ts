import type { Lab } from '../support/lab.ts';
import type { TestHost } from '../support/test-host.ts';
import { certificateFiles } from '../support/certificates.ts';
import type { Site } from './site.ts';

/** Something that happens to hosts or to what is wanted of them, so that a run has work to do. */
export interface Disturbance {
  readonly name: string;
  /** The steps that have to repair it. */
  readonly steps: readonly string[];
  happen(lab: Lab, site: Site): Promise<void> | void;
}

/** What a killed run may have begun still goes on for a moment, so a command that fails is no failure of the test. */
const on =
  (host: (lab: Lab) => TestHost, command: string) =>
  async (lab: Lab): Promise<void> =>
    void (await host(lab).exec(command));
const onRancher = (command: string) => on((lab) => lab.rancher, command);
const onLb = (command: string) => on((lab) => lab.lb, command);

const engine = 'rancher-1 docker engine distribution';
const container = 'rancher-1 container rancher';
const ca = 'rancher-1 file /etc/rancher/ssl/cacerts.pem';
const nginx = 'lb-1 file-set nginx';
const service = 'lb-1 service nginx';
const nginxPackage = 'lb-1 package nginx';

/** Takes a run seconds to repair. */
export const common: readonly Disturbance[] = [
  { name: 'container removed', steps: [container], happen: onRancher('docker rm -f rancher') },
  { name: 'container stopped', steps: [container], happen: onRancher('docker stop -t 1 rancher') },
  { name: 'container renamed', steps: [container], happen: onRancher('docker rename rancher elsewhere') },
  { name: 'another release wanted', steps: [container], happen: (_lab, site) => site.nextRelease() },
  { name: 'another audit level wanted', steps: [container], happen: (_lab, site) => site.nextAudit() },
  {
    name: 'CA removed',
    steps: [ca, 'rancher-1 directory /etc/rancher/ssl'],
    happen: onRancher('docker rm -f rancher; rm -rf /etc/rancher'),
  },
  { name: 'CA damaged', steps: [ca], happen: onRancher('echo junk >>/etc/rancher/ssl/cacerts.pem') },
  { name: 'CA of another mode', steps: [ca], happen: onRancher('chmod 600 /etc/rancher/ssl/cacerts.pem') },
  { name: 'configuration removed', steps: [nginx], happen: onLb('rm -f /etc/nginx/conf.d/rancher.conf') },
  {
    name: 'configuration changed',
    steps: [nginx],
    happen: onLb('echo "# by hand" >>/etc/nginx/conf.d/rancher.conf; systemctl reload nginx'),
  },
  { name: 'certificates removed', steps: [nginx], happen: onLb('rm -rf /etc/nginx/certificates') },
  { name: 'key for everybody', steps: [nginx], happen: onLb('chmod 644 /etc/nginx/certificates/*/*') },
  {
    name: 'certificate renewed',
    steps: [nginx, ca, container],
    happen: (_lab, site) => site.renew(certificateFiles(site.hostname)),
  },
  { name: 'another port wanted', steps: [nginx], happen: (_lab, site) => site.nextPort() },
  { name: 'nginx stopped', steps: [nginx, service], happen: onLb('systemctl stop nginx') },
  { name: 'nginx disabled', steps: [service], happen: onLb('systemctl disable nginx') },
  { name: 'nginx killed', steps: [nginx, service], happen: onLb('systemctl kill -s KILL nginx') },
];

/** Real packages, real pulls and starts of the engine: takes a run up to half a minute. */
export const heavy: readonly Disturbance[] = [
  {
    name: 'nginx purged',
    steps: [nginxPackage, nginx],
    happen: onLb(
      'apt-get -o DPkg::Lock::Timeout=120 -y -q purge nginx nginx-common; rm -rf /etc/nginx /var/lib/nginx',
    ),
  },
  {
    name: 'image removed',
    steps: [container],
    happen: onRancher('docker rm -f rancher; docker image prune -af'),
  },
  {
    name: 'engine stopped',
    steps: [engine, container],
    happen: onRancher('systemctl stop docker.socket docker.service'),
  },
];

/** The very first run of somebody who leaves all to provision: keys of hosts and certificates. */
export const beginnings: readonly Disturbance[] = [
  { name: 'nothing known', steps: [nginx], happen: (_lab, site) => site.forget() },
];

/** For the playbook of notes: a change, and what must be done after it. */
export const notes: readonly Disturbance[] = [
  {
    name: 'other content wanted',
    steps: ['lb-1 file /etc/killed-runs.conf', 'lb-1 on change record /etc/killed-runs.conf'],
    happen: (_lab, site) => site.nextPort(),
  },
];

/** The Rancher host gets a new engine: a minute and more. */
export const reinstallation: readonly Disturbance[] = [
  {
    name: 'engine purged',
    steps: [engine],
    happen: onRancher(
      'systemctl stop docker.socket docker containerd; apt-get -o DPkg::Lock::Timeout=120 -y -q purge docker.io containerd runc',
    ),
  },
];
