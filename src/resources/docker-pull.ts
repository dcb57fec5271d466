import type { Host } from '../core/host.ts';
import { sh, type Script } from '../core/script.ts';
import { outputOfFailure } from './docker-client.ts';
import type { RegistryCredentials } from './docker-credentials.ts';
import { dockerHub } from './docker-image-reference.ts';
import { withPrivateFolder } from './docker-private-folder.ts';
import { explainPullFailure } from './docker-pull-failure.ts';
import { pause } from './wait-until.ts';

/**
 * Pulls an image, tells how far it is, and tries again when the network fails. A pull goes on when the line breaks or the
 * run dies, and the next one waits for it.
 * The login lives in a private folder in memory for as long as the pull takes; the host's own logins stay as they are.
 * @throws ProvisionError `IMAGE_PULL` with the registry's words and what to do
 */
export async function pullImage(
  host: Host,
  reference: string,
  credentials: RegistryCredentials | undefined,
): Promise<void> {
  if (!credentials) return persist(host, reference, () => dockerPull(host, reference, sh``));
  await withPrivateFolder(host, (folder) => {
    const login = sh`DOCKER_CONFIG=${folder} `;
    return persist(host, reference, async () => {
      const refusal = await logIn(host, login, credentials);
      return refusal ?? dockerPull(host, reference, login);
    });
  });
}

const pausesBefore = [0, 2, 5, 10];
const longestPullMs = 3_600_000;

/** `attempt` returns what explains its failure, or undefined when the image is there. */
async function persist(
  host: Host,
  reference: string,
  attempt: () => Promise<string | undefined>,
): Promise<void> {
  for (const [index, pauseSeconds] of pausesBefore.entries()) {
    if (pauseSeconds > 0) await pause(pauseSeconds * 1000);
    const output = await attempt();
    if (output === undefined) return;
    const failure = explainPullFailure(reference, output);
    const isLast = index === pausesBefore.length - 1;
    if (isLast || !failure.retry) throw failure.error;
    host.progress(`${reference}: trying again (${index + 2} of ${pausesBefore.length})`);
  }
}

function dockerPull(host: Host, reference: string, login: Script): Promise<string | undefined> {
  const doing = `docker pull ${reference}`;
  return refusalOf(
    host.run(sh`${login}docker pull ${reference} 2>&1`, {
      doing,
      detached: doing,
      progressOf: pullProgress,
      timeoutMs: longestPullMs,
    }),
  );
}

async function logIn(
  host: Host,
  login: Script,
  { registry, username, password }: RegistryCredentials,
): Promise<string | undefined> {
  const server = registry === dockerHub ? [] : [registry];
  host.progress(`logging in to ${registry}`);
  return refusalOf(
    host.run(sh`${login}docker login --username ${username} --password-stdin ${server} 2>&1`, {
      stdin: password,
      doing: `docker login ${registry}`,
      timeoutMs: 120_000,
    }),
  );
}

/** What a command of Docker said when it ended with an error. */
async function refusalOf(running: Promise<unknown>): Promise<string | undefined> {
  try {
    await running;
    return undefined;
  } catch (error) {
    const output = outputOfFailure(error);
    if (output === undefined) throw error;
    return output;
  }
}

/** How far a pull is, from what it has printed so far: `3 of 7 layers`. */
export function pullProgress(log: string): string {
  const layers = new Map<string, boolean>();
  for (const [, layer, status] of log.matchAll(/^([0-9a-f]{12}): (.+)$/gm)) {
    layers.set(layer!, /^(?:Pull complete|Already exists)/.test(status!) || layers.get(layer!) === true);
  }
  if (layers.size === 0) return 'asking the registry';
  const done = [...layers.values()].filter(Boolean).length;
  return `${done} of ${layers.size} layers`;
}
