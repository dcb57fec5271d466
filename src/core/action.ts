import type { Host, ReadHost } from './host.ts';
import { callSite } from './source.ts';
import type { Action, OnChangeStep, ResourceStep, RetryPolicy } from './step.ts';

/**
 * A kind of action: a verb with its object.
 * @example
 * const restart = action({
 *   kind: 'restart',
 *   id: (service: string) => service,
 *   run: async (host, service) => void (await host.run(sh`systemctl restart -- ${service}`)),
 * });
 */
export function action<Props>(definition: {
  /** A verb: `reload`. */
  readonly kind: string;
  id(props: Props): string;
  run(host: Host, props: Props): Promise<void>;
  /** How a failure is tried again. Default: not at all, unless a `block` says so. */
  readonly retry?: RetryPolicy;
  /**
   * Looks whether what runs is older than what it should run with, although nobody knows of a change: one by hand, or a note that
   * was lost with a disk. Says what shows it; undefined when it is not so or cannot be said for certain. It must never be wrong, as
   * an action that it calls due is done, and after the action it must say undefined.
   */
  whyDue?(host: ReadHost, props: Props): Promise<string | undefined>;
}): (props: Props) => Action {
  return (props) => ({
    kind: definition.kind,
    id: `${definition.kind} ${definition.id(props)}`,
    run: (host) => definition.run(host, props),
    ...(definition.retry && { retry: definition.retry }),
    ...(definition.whyDue && { whyDue: async (host: ReadHost) => definition.whyDue?.(host, props) }),
  });
}

/**
 * Runs an action after any of these steps has changed something. What is due is noted on the host before the change,
 * so a run that dies between the two is repaired by the next one.
 * @example
 * onChange([certificate, configuration], reload('nginx'));
 */
export function onChange(steps: ResourceStep | readonly ResourceStep[], run: Action): OnChangeStep {
  const watches = [steps].flat().map((step) => step.id);
  return Object.freeze<OnChangeStep>({
    type: 'onChange',
    id: `on change ${run.id}`,
    at: callSite(),
    watches,
    action: run,
    ...(run.retry && { retry: run.retry }),
  });
}
