import { engine, followProgress } from './engine.ts';
import type { TestNetwork } from './network.ts';
import { ensureStandIn, standInTags } from './stand-in-image.ts';
import { startHost, type TestHost } from './test-host.ts';
import type { TestRun } from './test-run.ts';

export interface RegistryOptions {
  network: TestNetwork;
  user: string;
  password: string;
  /** Tags of the stand-in that it holds as `rancher/rancher`. */
  tags?: string[];
  run?: TestRun;
  lifetimeMinutes?: number;
}

/** A private registry: encrypted, with a CA of its own, and closed without the password. */
export interface TestRegistry {
  /** As the hosts of its network name it: the prefix of its images. */
  address: 'registry:5000';
  host: TestHost;
  /** PEM. */
  caCertificate: string;
  /** Puts the CA where an engine of the host looks for it, whether or not that is installed yet. */
  trustOn(host: TestHost): Promise<void>;
  stop(): Promise<void>;
}

const address = 'registry:5000';

const config = `version: 0.1
storage:
  filesystem:
    rootdirectory: /var/lib/docker-registry
http:
  addr: :5000
  tls:
    certificate: /etc/docker/registry/tls.pem
    key: /etc/docker/registry/tls.key
auth:
  htpasswd:
    realm: test registry
    path: /etc/docker/registry/htpasswd
`;

const certificates = `
cd /etc/docker/registry
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj '/CN=test registry CA' -keyout ca.key -out ca.pem
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=registry -keyout tls.key -out tls.csr
printf 'subjectAltName=DNS:registry\\n' > tls.ext
openssl x509 -req -in tls.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile tls.ext -out tls.pem
chown docker-registry tls.key`;

/**
 * Starts a private registry that holds the stand-in for Rancher.
 * @throws {Error} when the host, the registry or a push fails.
 */
export async function startRegistry(options: RegistryOptions): Promise<TestRegistry> {
  const { user, password, tags = standInTags, ...hostOptions } = options;
  const [images, host] = await Promise.all([
    ensureStandIn(tags),
    startHost({ ...hostOptions, name: 'registry', software: 'registry', ports: [5000] }),
  ]);
  try {
    await host.write('/etc/docker/registry/config.yml', config);
    await host.write('/etc/docker/registry/password', password, 0o600);
    await host.run(
      `set -e; ${certificates}; htpasswd -Bic htpasswd ${user} < password; rm password; ` +
        'systemctl restart docker-registry',
    );
    const from = `127.0.0.1:${host.mappedPort(5000)}`;
    await host.run(waitUntilOpen);
    for (const [index, image] of images.entries()) {
      await push(image, `${from}/rancher/rancher`, tags[index] ?? '', {
        username: user,
        password,
        serveraddress: from,
      });
    }
  } catch (problem) {
    await host.stop();
    throw problem;
  }
  const caCertificate = await host.run('cat /etc/docker/registry/ca.pem');
  const trustOn = (other: TestHost) => other.write(`/etc/docker/certs.d/${address}/ca.crt`, caCertificate);
  return { address, host, caCertificate, trustOn, stop: () => host.stop() };
}

const waitUntilOpen = `
for attempt in $(seq 100); do
  ss -Htln sport = :5000 | grep -q .  && exit 0
  sleep 0.1
done
systemctl status docker-registry; exit 1`;

interface Login {
  username: string;
  password: string;
  serveraddress: string;
}

// Engines accept any certificate from a registry on their own loopback address.
async function push(image: string, repo: string, tag: string, authconfig: Login): Promise<void> {
  const docker = await engine();
  await docker.getImage(image).tag({ repo, tag });
  const tagged = docker.getImage(`${repo}:${tag}`);
  try {
    await followProgress(await tagged.push({ authconfig }));
  } finally {
    await tagged.remove();
  }
}
