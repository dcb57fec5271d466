import { requirement } from '../../core/requirement.ts';
import type { RequirementStep } from '../../core/step.ts';

const kbOfGb = 1024 * 1024;

/**
 * Enough memory, in GB. The kernel hides some of what a machine has: 95 % is enough, and 85 % is a warning.
 * @example
 * memory({ atLeastGb: 4 })
 */
export function memory({ atLeastGb }: { readonly atLeastGb: number }): RequirementStep {
  return requirement({
    name: 'memory',
    rule: `at least ${atLeastGb} GB of memory`,
    async check(host) {
      const { memoryKb } = await host.facts();
      const share = memoryKb / (atLeastGb * kbOfGb);
      const figure = `${(memoryKb / kbOfGb).toFixed(1)} GB of memory`;
      if (share >= 0.95) return { level: 'pass', figure };
      return { level: share >= 0.85 ? 'warn' : 'fail', figure, advice: `give the host ${atLeastGb} GB` };
    },
  });
}
