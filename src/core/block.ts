import { ProvisionError } from './errors.ts';
import { callSite } from './source.ts';
import { flattenSteps, type RetryPolicy, type Step, type StepList } from './step.ts';

/** What a block says of all its steps. */
export interface BlockOptions {
  /** Names for `--only` and `--skip`; added to those that a step has. */
  readonly tags?: readonly string[];
  /** How a failing step is tried again, each by itself. A step's own policy counts before that of a block around it. */
  readonly retry?: RetryPolicy;
  /** How long each of the steps may take with all its tries, in milliseconds. */
  readonly deadlineMs?: number;
}

/** Tags that mean something of their own in Ansible, and nothing here: such a step would not do what its reader expects. */
export const reservedTags: readonly string[] = ['all', 'always', 'never', 'tagged', 'untagged'];

/**
 * Says something of several steps at once: tags, tries, deadlines.
 * @throws ProvisionError `PLAYBOOK` for tags, tries or deadlines that make no sense
 * @example
 * block({ tags: ['tls'], retry: { retries: 3, delayMs: 1000 } }, [certificate, configuration]);
 */
export function block(options: BlockOptions, steps: StepList): Step[] {
  refuseNonsense(options);
  const { tags = [], retry, deadlineMs } = options;
  return flattenSteps(steps).map((step) => {
    const all = [...new Set([...(step.tags ?? []), ...tags])];
    return Object.freeze({
      ...(retry && { retry }),
      ...(deadlineMs !== undefined && { deadlineMs }),
      ...step,
      ...(all.length > 0 && { tags: all }),
    });
  });
}

function refuseNonsense({ tags = [], retry, deadlineMs }: BlockOptions): void {
  const wrong = [
    ...tags
      .filter((tag) => !/^[a-z0-9][a-z0-9_-]*$/i.test(tag) || reservedTags.includes(tag))
      .map((tag) => `the tag ${JSON.stringify(tag)}`),
    ...(retry && !(Number.isInteger(retry.retries) && retry.retries >= 1) ? ['retries below 1'] : []),
    ...(retry && !(retry.delayMs >= 0) ? ['a pause below 0 ms'] : []),
    ...(deadlineMs !== undefined && !(deadlineMs > 0) ? ['a deadline of 0 ms or less'] : []),
  ];
  if (wrong.length === 0) return;
  throw new ProvisionError({
    code: 'PLAYBOOK',
    at: callSite(),
    happened: `a block cannot have ${wrong.join(', ')}`,
    remedy: `tags are letters, digits, _ and -, and none of ${reservedTags.join(', ')}; retries are 1 or more; times are milliseconds above 0`,
  });
}
