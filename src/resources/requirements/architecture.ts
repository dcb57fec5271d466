import { requirement } from '../../core/requirement.ts';
import type { RequirementStep } from '../../core/step.ts';

/**
 * A processor of one of these kinds (`uname -m`); an experimental one is a warning.
 * @example
 * architecture({ supported: ['x86_64'], experimental: ['aarch64'] })
 */
export function architecture({
  supported,
  experimental = [],
}: {
  readonly supported: readonly string[];
  readonly experimental?: readonly string[];
}): RequirementStep {
  return requirement({
    name: 'architecture',
    rule: `the architecture ${supported.join(' or ')}`,
    async check(host) {
      const { architecture: figure } = await host.facts();
      if (supported.includes(figure)) return { level: 'pass', figure };
      if (experimental.includes(figure)) {
        return {
          level: 'warn',
          figure,
          advice: 'support for it is experimental: check that the images have it',
        };
      }
      return {
        level: 'fail',
        figure: figure || 'unknown',
        advice: `use a host with ${supported.join(' or ')}`,
      };
    },
  });
}
