import { requirement } from '../../core/requirement.ts';
import type { RequirementStep } from '../../core/step.ts';

/**
 * One of these distributions (`ID` of os-release); one that is only like them is a warning.
 * @example
 * osFamily({ families: ['debian', 'ubuntu'] })
 */
export function osFamily({ families }: { readonly families: readonly string[] }): RequirementStep {
  return requirement({
    name: 'os',
    rule: `one of the distributions ${families.join(', ')}`,
    async check(host) {
      const { os, osLike, osName } = await host.facts();
      const figure = osName || os;
      if (families.includes(os)) return { level: 'pass', figure };
      const like = osLike.find((id) => families.includes(id));
      if (like !== undefined) {
        return { level: 'warn', figure, advice: `it says that it is like ${like}, but was not tried` };
      }
      return { level: 'fail', figure, advice: `use a host with ${families.join(' or ')}` };
    },
  });
}
