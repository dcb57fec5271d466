import {
  choice,
  fqdn,
  integer,
  inventory,
  path,
  port,
  record,
  secret,
  text,
  tlsCertificate,
} from 'provision';

// The same fields in both groups: the value is read, and asked for, once.
const hostname = fqdn()
  .ask('Under which DNS name do people reach Rancher?')
  .describe('The name under which people reach Rancher. In DNS it belongs to the load balancer.');
const certificate = tlsCertificate('hostname').describe('The certificate that the load balancer shows.');

/** The two groups of the guide, and the type of their vars. */
export const site = inventory({
  rancher: {
    hostname,
    certificate,
    image: text().default('rancher/rancher:v2.14.3').describe('A release, never "latest".'),
    data_dir: path().default('/opt/rancher').describe('Where Rancher keeps its data.'),
    http_port: port().default(80),
    https_port: port().default(443),
    reachable_from: choice('anyone', 'balancers')
      .default('anyone')
      .describe('Who may use these two ports: Docker publishes them past ufw and firewalld.'),
    size: choice('small', 'medium').default('small').describe('What the host must have.'),
    docker: choice('distribution', 'docker')
      .default('distribution')
      .describe('Where Docker Engine comes from.'),
    bootstrap_password: secret().optional().describe('The first password of "admin".'),
    ready_timeout: integer({ min: 1, max: 7200 })
      .default(900)
      .describe('Seconds to wait until Rancher is ready.'),
    audit: choice('off', 'metadata', 'headers', 'request', 'response').default('off'),
    audit_log_dir: path().default('/var/log/rancher/auditlog'),
    audit_max_age: integer({ min: 1 }).default(10).describe('Days.'),
    audit_max_backups: integer({ min: 1 }).default(10),
    audit_max_size: integer({ min: 1 }).default(100).describe('Megabytes.'),
    registry: record({ url: text(), username: text().optional(), password: secret().optional() })
      .optional()
      .describe('Air gap: every image comes from this registry.'),
  },
  lb: {
    hostname,
    certificate,
    nginx_layout: choice('snippet', 'whole').default('snippet'),
    http_port: port().default(80),
    https_port: port().default(443),
  },
});
