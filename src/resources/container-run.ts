import { ProvisionError } from '../core/errors.ts';
import type { Host } from '../core/host.ts';
import { sh } from '../core/script.ts';
import { Secret } from '../core/secret.ts';
import { runArguments } from './container-arguments.ts';
import { nameLabel } from './container-record.ts';
import { sealSecrets } from './container-seal.ts';
import { containerSpec, hashLabel, sealLabel, specHash, specLabel } from './container-spec.ts';
import type { ContainerWant } from './container-want.ts';
import { outputOfFailure, quoteLine } from './docker-client.ts';
import { withPrivateFolder } from './docker-private-folder.ts';

/**
 * Makes and starts a container, and returns its id. One that could not be started is removed: it never ran, so there is
 * nothing to look at. Secrets travel in an env file in memory that only root can read and that is gone afterwards.
 * @throws ProvisionError `DOCKER` or `NAME_CONFLICT` with Docker's words and what to do
 */
export async function runContainer(host: Host, want: ContainerWant): Promise<string> {
  const labels = await ownLabels(want);
  if (Object.keys(want.secretEnv).length === 0) return start(host, want, runArguments(want, { labels }));
  return withPrivateFolder(host, async (folder) => {
    const envFile = `${folder}/env`;
    const lines = Object.entries(want.secretEnv).map(([name, secret]) => `${name}=${secret.reveal()}\n`);
    const content = new Secret(lines.join(''), `environment of container ${want.name}`);
    await host.writeFile(envFile, content, { mode: '0600' });
    return start(host, want, runArguments(want, { labels, envFile }));
  });
}

/** What Docker's words mean when a container does not start, with what to do about it. */
export function startFailure(want: ContainerWant, words: string): ProvisionError {
  const line =
    words
      .split('\n')
      .filter((each) => each.trim() !== '' && !each.startsWith('See '))
      .findLast((each) => /error|docker:|conflict/i.test(each)) ?? words;
  const { code = 'DOCKER' as const, remedy } = causes.find(({ pattern }) => pattern.test(words)) ?? {};
  return new ProvisionError({
    code,
    happened: `the container ${want.name} could not be started: ${quoteLine(line.replace(/^(?:docker: )?(?:Error response from daemon: )?/, ''))}`,
    remedy: remedy ?? 'correct the step in the playbook',
    detail: words,
  });
}

async function ownLabels(want: ContainerWant): Promise<Record<string, string>> {
  const spec = containerSpec(want);
  return {
    [nameLabel]: want.name,
    [hashLabel]: specHash(spec),
    [specLabel]: JSON.stringify(spec),
    ...(Object.keys(want.secretEnv).length > 0 && { [sealLabel]: await sealSecrets(want.secretEnv) }),
  };
}

async function start(host: Host, want: ContainerWant, args: readonly string[]): Promise<string> {
  const doing = `docker run ${want.name}`;
  let output: string;
  try {
    output = (await host.run(sh`docker run ${args}`, { doing, timeoutMs: 180_000 })).stdout;
  } catch (error) {
    // Docker prints the id also of a container that it could not start.
    const words = outputOfFailure(error)?.replace(/^[0-9a-f]{64}\s+/, '');
    if (words === undefined) throw error;
    await removeUnstarted(host, want.name);
    throw startFailure(want, words);
  }
  const id = output.trim().split('\n').at(-1) ?? '';
  if (/^[0-9a-f]{64}$/.test(id)) return id;
  throw new ProvisionError({
    code: 'DOCKER',
    happened: `${doing} did not answer with the id of a container`,
  });
}

async function removeUnstarted(host: Host, name: string): Promise<void> {
  await host.run(
    sh`for id in $(docker ps --all --quiet --filter status=created --filter ${`label=${nameLabel}=${name}`}); do
  docker rm "$id"
done`,
    { doing: `removing the container ${name}, which could not be started` },
  );
}

const causes: readonly { pattern: RegExp; remedy: string; code?: 'NAME_CONFLICT' }[] = [
  {
    pattern: /port is already allocated|address already in use/i,
    remedy:
      'find out what uses the port ("ss -ltnp" and "docker ps" on the host), and stop it or publish another one',
  },
  {
    pattern: /cannot assign requested address/i,
    remedy: 'publish on an address that the host has ("ip address")',
  },
  {
    pattern: /is already in use by container/i,
    code: 'NAME_CONFLICT',
    remedy: 'rename or remove the other container, or choose another name',
  },
  {
    pattern: /bind source path does not exist|invalid mount config/i,
    remedy: 'make what is mounted with a step before this one',
  },
  {
    pattern: /iptables|no chain\/target\/match/i,
    remedy: 'the firewall rules of Docker are gone: "systemctl restart docker" makes them again',
  },
  {
    pattern: /unknown log opt/i,
    remedy:
      "the log options do not fit the log driver that is the host's default (see /etc/docker/daemon.json)",
  },
  {
    pattern: /executable file not found|no such file or directory|permission denied/i,
    remedy: 'the image has no such program: check the arguments, and the image itself',
  },
  { pattern: /exec format error/i, remedy: 'use an image that is made for the architecture of the host' },
  { pattern: /no space left on device/i, remedy: 'free space on the file system of /var/lib/docker' },
  { pattern: /operation not permitted/i, remedy: 'the kernel refuses: the host may be a container itself' },
];
