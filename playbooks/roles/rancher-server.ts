import {
  condition,
  container,
  contentHash,
  directory,
  file,
  type Observation,
  type ReadHost,
  type Secret,
  type StepList,
  whyNoAnswer,
} from 'provision';
import { rancherRelease, refuseMovingTag, type AuditLevel } from './rancher-release.ts';

export interface RancherServerProps {
  readonly hostname: string;
  /** PEM of the CA that agents must trust; without it Rancher is told that the CA is a recognised one. */
  readonly ca: string | undefined;
  readonly image: string;
  readonly dataDir: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly bootstrapPassword: Secret | undefined;
  readonly readyTimeoutSeconds: number;
  readonly audit: {
    readonly level: AuditLevel;
    readonly directory: string;
    readonly maxAge: number;
    readonly maxBackups: number;
    readonly maxSize: number;
  };
  readonly registry:
    | { readonly url: string; readonly username?: string | undefined; readonly password?: Secret | undefined }
    | undefined;
}

const caPath = '/etc/rancher/ssl/cacerts.pem';

/**
 * One Rancher in one container behind a load balancer that terminates TLS: its key and certificate never come here, at
 * most the CA. Exactly one of CA and `--no-cacerts` is given, or Rancher would publish a CA of its own making.
 */
export function rancherServer(props: RancherServerProps): StepList {
  const image = props.registry ? `${props.registry.url}/${props.image}` : props.image;
  refuseMovingTag(image);
  return [
    props.ca === undefined
      ? []
      : [
          directory({ path: '/etc/rancher/ssl', mode: '0755' }),
          file({ path: caPath, content: props.ca, mode: '0644' }),
        ],
    directory({ path: props.dataDir, mode: '0755' }),
    props.audit.level === 'off' ? [] : [directory({ path: props.audit.directory, mode: '0700' })],
    container({
      name: 'rancher',
      image,
      ports: [
        { host: props.httpPort, container: 80 },
        { host: props.httpsPort, container: 443 },
      ],
      mounts: mountsOf(props),
      env: environmentOf(props),
      ...(props.bootstrapPassword && { secretEnv: { CATTLE_BOOTSTRAP_PASSWORD: props.bootstrapPassword } }),
      ...(props.ca === undefined
        ? { args: ['--no-cacerts'] }
        : // Rancher reads the file when it starts, and a container keeps the file that it was started with.
          { labels: { 'org.provision.ca': contentHash(props.ca) } }),
      privileged: rancherRelease(props.image).privileged,
      restart: 'unless-stopped',
      logOptions: { 'max-size': '10m', 'max-file': '3' },
      ready: {
        describe: 'Rancher to answer /ping',
        observe: (host) => observePing(host, props.httpPort),
        timeoutMs: props.readyTimeoutSeconds * 1000,
      },
      ...credentialsOf(props.registry),
    }),
    rancherReady({ port: props.httpPort, ca: props.ca, timeoutSeconds: props.readyTimeoutSeconds }),
  ];
}

function mountsOf({ ca, dataDir, audit }: RancherServerProps) {
  return [
    { type: 'bind', source: dataDir, target: '/var/lib/rancher' } as const,
    ...(ca === undefined
      ? []
      : [{ type: 'bind', source: caPath, target: '/etc/rancher/ssl/cacerts.pem', readOnly: true } as const]),
    // The guide forgets this one, so its log would stay in an anonymous volume.
    ...(audit.level === 'off'
      ? []
      : [{ type: 'bind', source: audit.directory, target: '/var/log/auditlog' } as const]),
  ];
}

function environmentOf({ hostname, image, audit, registry }: RancherServerProps): Record<string, string> {
  return {
    CATTLE_SERVER_URL: `https://${hostname}`,
    ...(registry && { CATTLE_SYSTEM_DEFAULT_REGISTRY: registry.url, CATTLE_SYSTEM_CATALOG: 'bundled' }),
    ...(audit.level !== 'off' && {
      ...rancherRelease(image).audit(audit.level),
      AUDIT_LOG_PATH: '/var/log/auditlog/rancher-api-audit.log',
      AUDIT_LOG_MAXAGE: String(audit.maxAge),
      AUDIT_LOG_MAXBACKUP: String(audit.maxBackups),
      AUDIT_LOG_MAXSIZE: String(audit.maxSize),
    }),
  };
}

function credentialsOf(registry: RancherServerProps['registry']) {
  if (registry?.username === undefined || registry.password === undefined) return {};
  return {
    credentials: { registry: registry.url, username: registry.username, password: registry.password },
  };
}

/** From the first answer to the right one: it answers, and it publishes the CA that agents will check the balancer by. */
const rancherReady = condition({
  kind: 'rancher',
  id: () => 'is ready',
  observe: async (host, props: { port: number; ca: string | undefined; timeoutSeconds: number }) => {
    const ping = await observePing(host, props.port);
    return ping.holds ? observeCaCerts(host, props.port, props.ca) : ping;
  },
  timeoutMs: ({ timeoutSeconds }) => timeoutSeconds * 1000,
  remedy: () => 'read its log on the host: docker logs --tail 100 rancher 2>&1; then run again',
});

async function observePing(host: ReadHost, port: number): Promise<Observation> {
  const answer = await ask(host, port, '/ping');
  if (typeof answer === 'string') return { holds: false, saw: answer };
  const holds = answer.status === 200 && answer.body.trim() === 'pong';
  return { holds, saw: `/ping answers ${answer.status}${holds ? ' pong' : ''}` };
}

async function observeCaCerts(host: ReadHost, port: number, ca: string | undefined): Promise<Observation> {
  const answer = await ask(host, port, '/v3/settings/cacerts', { 'X-Forwarded-Proto': 'https' });
  if (typeof answer === 'string') return { holds: false, saw: answer };
  if (answer.status !== 200) return { holds: false, saw: `/v3/settings/cacerts answers ${answer.status}` };
  const published = valueOf(answer.body);
  if (published === undefined) return { holds: false, saw: '/v3/settings/cacerts is not the setting' };
  if (published.trim() === (ca ?? '').trim())
    return { holds: true, saw: 'pong, and the right CA is published' };
  const hopeless = `Rancher publishes ${published === '' ? 'no CA' : 'another CA'} than the inventory asks for`;
  return { holds: false, saw: 'another CA', hopeless };
}

async function ask(host: ReadHost, port: number, path: string, headers: Record<string, string> = {}) {
  try {
    return await host.request({ port, path, headers, timeoutMs: 5000 });
  } catch (error) {
    return whyNoAnswer(host, error);
  }
}

function valueOf(body: string): string | undefined {
  try {
    const setting: unknown = JSON.parse(body);
    if (typeof setting !== 'object' || setting === null || !('value' in setting)) return undefined;
    return typeof setting.value === 'string' ? setting.value : undefined;
  } catch {
    return undefined;
  }
}
