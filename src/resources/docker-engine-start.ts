import type { Host } from '../core/host.ts';
import { sh } from '../core/script.ts';
import { engineFailure, engineState, outputOfFailure } from './docker-client.ts';
import { waitUntil } from './wait-until.ts';

/**
 * Starts the Docker Engine, now and at every boot, and waits until it answers.
 * @throws ProvisionError `DOCKER` with the end of its journal
 */
export async function startDockerEngine(host: Host): Promise<void> {
  host.progress('starting the Docker Engine');
  try {
    // After a few failed starts systemd refuses to try again until it is told to forget them.
    await host.run(
      sh`systemctl reset-failed docker.service docker.socket 2>/dev/null
systemctl --quiet --no-ask-password enable docker.service && systemctl --no-ask-password start docker.service`,
      { doing: 'starting docker.service', timeoutMs: 180_000 },
    );
  } catch (error) {
    const words = outputOfFailure(error);
    if (words === undefined) throw error;
    const masked = /is masked/.test(words) ? ': the unit is masked ("systemctl unmask docker")' : '';
    throw await engineFailure(host, `the Docker Engine does not start${masked}`);
  }
  const answers = await waitUntil(
    async (waitedMs) => {
      if ((await engineState(host)) === 'answers') return true;
      host.progress(`waiting for the Docker Engine to answer (${Math.round(waitedMs / 1000)} s)`);
      return undefined;
    },
    { timeoutMs: 60_000, intervalMs: 500 },
  );
  if (!answers)
    throw await engineFailure(host, 'the Docker Engine was started and does not answer after 60 s');
}
