// A stand-in for rancher/rancher: what can be seen of it from outside, without the Kubernetes inside.
// Which release it is says its tag, baked into the image as CATTLE_SERVER_VERSION, as in the real one.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openAuditLog } from './audit.ts';
import { parseCommandLine } from './command-line.ts';
import { Fatal } from './fatal.ts';
import { logLine, openListeners } from './listeners.ts';
import { parseRelease } from './release.ts';
import { openState, saveState } from './state.ts';
import { readTlsFiles } from './tls-files.ts';

// As process 1 of a container it gets no default handler, and `docker stop` would wait for its grace period.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));

start(process.argv.slice(2), process.env).catch((problem: unknown) => {
  if (!(problem instanceof Fatal)) throw problem;
  console.error(problem.plain ? problem.message : logLine('FATAL', problem.message));
  process.exit(1);
});

async function start(argv: string[], environment: NodeJS.ProcessEnv): Promise<void> {
  const release = parseRelease(environment['CATTLE_SERVER_VERSION'] ?? '');
  // Tests run it without a container, on a directory of their own.
  const root = environment['STAND_IN_ROOT'] ?? '/';
  if (release.needsPrivileged && !existsSync(join(root, 'dev/kmsg'))) {
    const problem =
      'ERROR: Rancher must be ran with the --privileged flag when running outside of Kubernetes';
    throw new Fatal(problem, { plain: true });
  }
  const state = openState(root, release, environment);
  const commandLine = parseCommandLine(argv, environment, release);
  console.error(logLine('INFO', `Rancher version ${release.tag} (0000000) is starting`));
  console.error(logLine('INFO', `Rancher arguments ${JSON.stringify(commandLine)}`));
  const tls = readTlsFiles(root, commandLine);
  console.error(logLine('INFO', 'Waiting for server to become available: the server is currently starting'));
  await pause(release.startDelayMs);
  if (release.behaviour === 'crash') throw new Fatal('k3s exited with: exit status 1');
  if (release.behaviour === 'hang') return void setInterval(() => {}, 60_000);
  const caCertificates = tls.caCertificates ?? state.certificateAuthority.certificate;
  const site = { release, state, caCertificates, environment, save: () => saveState(root, state) };
  await openListeners(site, commandLine, tls, openAuditLog(root, commandLine, release));
  if (state.bootstrapPasswordIsGenerated) {
    console.error(logLine('INFO', `Bootstrap Password: ${state.bootstrapPassword}`));
  }
  console.error(logLine('INFO', 'Rancher startup complete'));
}
