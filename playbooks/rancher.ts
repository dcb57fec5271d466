import { dockerEngine, playbook } from 'provision';
import { balancersOnly } from './roles/balancers-only.ts';
import { httpsProof } from './roles/https-proof.ts';
import { loadBalancerRequirements, rancherRequirements } from './roles/requirements.ts';
import { nginxTls } from './roles/nginx-tls.ts';
import { rancherServer } from './roles/rancher-server.ts';
import { site } from './site.ts';

/**
 * Rancher in a container on one host, behind an NGINX load balancer on another that terminates TLS.
 * @see https://ranchermanager.docs.rancher.com/how-to-guides/advanced-user-guides/configure-layer-7-nginx-load-balancer
 */
export default playbook(
  site.play('rancher', ({ vars, groups }) => [
    rancherRequirements({
      image: vars.image,
      size: vars.size,
      dataDir: vars.data_dir,
      ports: [vars.http_port, vars.https_port],
    }),
    dockerEngine({ source: vars.docker }),
    // Before the ports are published, so that they are never open.
    vars.reachable_from === 'balancers'
      ? [balancersOnly({ ports: [vars.http_port, vars.https_port], balancers: groups.lb })]
      : [],
    rancherServer({
      hostname: vars.hostname,
      ca: vars.certificate.ca,
      image: vars.image,
      dataDir: vars.data_dir,
      httpPort: vars.http_port,
      httpsPort: vars.https_port,
      bootstrapPassword: vars.bootstrap_password,
      readyTimeoutSeconds: vars.ready_timeout,
      audit: {
        level: vars.audit,
        directory: vars.audit_log_dir,
        maxAge: vars.audit_max_age,
        maxBackups: vars.audit_max_backups,
        maxSize: vars.audit_max_size,
      },
      registry: vars.registry,
    }),
  ]),
  site.play(
    'lb',
    ({ vars, groups }) => [
      loadBalancerRequirements({
        ports: [vars.http_port, vars.https_port],
        hostname: vars.hostname,
        nodes: groups.rancher,
      }),
      nginxTls({
        hostname: vars.hostname,
        certificate: vars.certificate,
        upstreams: groups.rancher.map((node) => `${node.address}:${node.vars.http_port}`),
        httpPort: vars.http_port,
        httpsPort: vars.https_port,
        layout: vars.nginx_layout,
      }),
      httpsProof({
        hostname: vars.hostname,
        certificate: vars.certificate,
        httpPort: vars.http_port,
        httpsPort: vars.https_port,
      }),
    ],
    {
      notes: ({ vars, groups }) => [
        `Rancher: https://${vars.hostname}${vars.https_port === 443 ? '' : `:${vars.https_port}`}`,
        ...groups.rancher.map(
          (node) =>
            `Bootstrap password: on ${node.name}, docker logs rancher 2>&1 | grep "Bootstrap Password:" ` +
            `(none there: it was given in the inventory, or the data was already set up)`,
        ),
      ],
    },
  ),
);
