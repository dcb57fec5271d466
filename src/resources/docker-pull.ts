import { ProvisionError } from '../core/errors.ts';
import type { Host } from '../core/host.ts';
import { sh } from '../core/script.ts';
import { outputOfFailure } from './docker-client.ts';
import type { RegistryCredentials } from './docker-credentials.ts';
import { dockerHub } from './docker-image-reference.ts';
import { withPrivateFolder } from './docker-private-folder.ts';
import { explainPullFailure } from './docker-pull-failure.ts';
import { pause } from './wait-until.ts';

/**
 * Pulls an image, tells how far it is, and tries again when the network fails.
 * The login lives in a private folder in memory for as long as the pull takes; the host's own logins stay as they are.
 * @throws ProvisionError `IMAGE_PULL` with the registry's words and what to do
 */
export async function pullImage(
  host: Host,
  reference: string,
  credentials: RegistryCredentials | undefined,
): Promise<void> {
  await withPrivateFolder(host, async (folder) => {
    for (const [attempt, pauseSeconds] of pausesBefore.entries()) {
      if (pauseSeconds > 0) await pause(pauseSeconds * 1000);
      const output = await tryOnce(host, { reference, credentials, folder });
      if (output === undefined) return;
      const failure = explainPullFailure(reference, output);
      const isLast = attempt === pausesBefore.length - 1;
      if (isLast || !failure.retry) throw failure.error;
      host.progress(`${reference}: trying again (${attempt + 2} of ${pausesBefore.length})`);
    }
  });
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

const pausesBefore = [0, 2, 5, 10];
const longestPullSeconds = 3600;
const secondsPerLook = 2;

interface Pull {
  readonly reference: string;
  readonly credentials: RegistryCredentials | undefined;
  readonly folder: string;
}

// Returns what explains the failure, or undefined when the image is there.
async function tryOnce(host: Host, pull: Pull): Promise<string | undefined> {
  const refusal = pull.credentials && (await logIn(host, pull.folder, pull.credentials));
  if (refusal !== undefined) return refusal;
  await startPull(host, pull);
  for (let waited = 0; waited < longestPullSeconds; waited += secondsPerLook) {
    const { status, log } = await lookAtPull(host, pull.folder);
    if (status === '0') return undefined;
    if (status !== 'running') return log;
    host.progress(`pulling ${pull.reference}: ${pullProgress(log)}`);
  }
  await host.run(sh`kill -TERM -- "-$(cat ${`${pull.folder}/pid`})" || true`);
  throw new ProvisionError({
    code: 'IMAGE_PULL',
    happened: `${pull.reference} was not complete after ${longestPullSeconds / 60} minutes`,
    remedy: 'run again: layers that are complete are kept',
  });
}

async function logIn(
  host: Host,
  folder: string,
  credentials: RegistryCredentials,
): Promise<string | undefined> {
  const { registry, username, password } = credentials;
  const server = registry === dockerHub ? [] : [registry];
  host.progress(`logging in to ${registry}`);
  try {
    await host.run(
      sh`DOCKER_CONFIG=${folder} docker login --username ${username} --password-stdin ${server} 2>&1`,
      { stdin: password, doing: `docker login ${registry}`, timeoutMs: 120_000 },
    );
    return undefined;
  } catch (error) {
    const output = outputOfFailure(error);
    if (output === undefined) throw error;
    return output;
  }
}

// Detached, so that a long pull holds no command open: it can be watched, and survives a lost connection.
async function startPull(host: Host, { reference, credentials, folder }: Pull): Promise<void> {
  const login = credentials ? sh`DOCKER_CONFIG=${folder} ` : sh``;
  await host.run(
    sh`cd ${folder} || exit
rm -f status log pid
${login}setsid sh -c '
  echo $$ >pid
  docker pull "$0" >log 2>&1
  echo $? >status.new
  mv status.new status
' ${reference} </dev/null >/dev/null 2>&1 &`,
    { doing: `docker pull ${reference}` },
  );
}

async function lookAtPull(host: Host, folder: string): Promise<{ status: string; log: string }> {
  const { stdout } = await host.probe(sh`cd ${folder} || exit
looks=0; while [ ! -e status ] && [ "$looks" -lt ${secondsPerLook * 5} ]; do sleep 0.2; looks=$((looks + 1)); done
if [ -e status ]; then cat status; elif [ -e pid ] && ! kill -0 "$(cat pid)" 2>/dev/null && [ ! -e status ]; then echo died; else echo running; fi
tail -c 16000 log 2>/dev/null`);
  const end = stdout.indexOf('\n');
  return { status: stdout.slice(0, end).trim(), log: stdout.slice(end + 1) };
}
