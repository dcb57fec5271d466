import { randomBytes } from 'node:crypto';
import { engine } from './engine.ts';
import { currentRun, ignoreGone, runLabel, type TestRun } from './test-run.ts';

/** A network on which hosts find each other by name. */
export interface TestNetwork {
  name: string;
  /** Its hosts have to be stopped before. */
  stop(): Promise<void>;
}

/** Makes a network of the run's own. */
export async function startNetwork({ run = currentRun() }: { run?: TestRun } = {}): Promise<TestNetwork> {
  const name = `provision-test-${run.id}-${randomBytes(3).toString('hex')}`;
  const network = await (
    await engine()
  ).createNetwork({ Name: name, Driver: 'bridge', Labels: { [runLabel]: run.id } });
  return { name, stop: () => ignoreGone(network.remove()) };
}
