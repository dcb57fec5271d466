import { requirement } from '../../core/requirement.ts';
import type { RequirementStep } from '../../core/step.ts';

/**
 * Enough processors; fewer than `recommended` is a warning.
 * @example
 * cpus({ atLeast: 1, recommended: 2 })
 */
export function cpus({
  atLeast,
  recommended = atLeast,
}: {
  readonly atLeast: number;
  readonly recommended?: number;
}): RequirementStep {
  return requirement({
    name: 'cpu',
    rule: `at least ${count(atLeast)}${recommended > atLeast ? `, better ${recommended}` : ''}`,
    async check(host) {
      const { cpus: have } = await host.facts();
      const figure = count(have);
      if (have < atLeast) return { level: 'fail', figure, advice: `give the host ${count(atLeast)}` };
      if (have < recommended)
        return { level: 'warn', figure, advice: `${count(recommended)} are recommended` };
      return { level: 'pass', figure };
    },
  });
}

function count(cpus: number): string {
  return cpus === 1 ? '1 CPU' : `${cpus} CPUs`;
}
