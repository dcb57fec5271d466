import { ensureDockerEngine } from '../../../scripts/docker-engine.mjs';
import { ensureHostImages } from './host-image.ts';
import { ensureStandIn } from './stand-in-image.ts';
import { currentRun, removeRun, sweepDeadRuns } from './test-run.ts';

/** Gets the engine and the images ready before the first test on hosts, and leaves no host behind after the last. */
export default async function setup(): Promise<() => Promise<void>> {
  const log = (line: string) => process.stderr.write(`${line}\n`);
  await ensureDockerEngine({ log });
  await ensureHostImages(log);
  await ensureStandIn(undefined, log);
  await sweepDeadRuns();
  const run = currentRun();
  return () => removeRun(run);
}
