import type { ReadHost } from './host.ts';
import { callSite } from './source.ts';
import type { RequirementStep, RetryPolicy, Verdict } from './step.ts';

/**
 * Something that a host must meet before anything changes on any host: a warning is shown, a failure stops the run.
 * @example
 * requirement({
 *   name: 'cpu',
 *   rule: 'at least 2 CPUs',
 *   check: async (host) => {
 *     const { cpus } = await host.facts();
 *     return { level: cpus >= 2 ? 'pass' : 'fail', figure: `${cpus} CPUs` };
 *   },
 * });
 */
export function requirement(props: {
  /** Lower case, unique in a play; what `--skip-requirement` takes. */
  readonly name: string;
  readonly rule: string;
  readonly check: (host: ReadHost) => Promise<Verdict>;
  /** How a failure is tried again. Default: not at all, unless a `block` says so. */
  readonly retry?: RetryPolicy;
}): RequirementStep {
  return Object.freeze<RequirementStep>({
    type: 'requirement',
    id: `requirement ${props.name}`,
    at: callSite(),
    name: props.name,
    rule: props.rule,
    check: props.check,
    ...(props.retry && { retry: props.retry }),
  });
}
