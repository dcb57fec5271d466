import type { Change } from '../../src/core/change.ts';
import type { Host, ReadHost } from '../../src/core/host.ts';
import type { ResourceStep } from '../../src/core/step.ts';

/** What a check of the step would show. */
export async function changesOf(step: ResourceStep, host: ReadHost): Promise<readonly Change[]> {
  return step.diff(await step.read(host));
}

/** Brings a step to its end as a run does. Gives what it changed; throws when it is not converged afterwards. */
export async function converge(step: ResourceStep, host: Host): Promise<readonly Change[]> {
  const have = await step.read(host);
  const changes = step.diff(have);
  if (changes.length === 0) return [];
  await step.apply(host, have);
  const left = await changesOf(step, host);
  if (left.length > 0) throw new Error(`still different: ${JSON.stringify(left)}`);
  return changes;
}
