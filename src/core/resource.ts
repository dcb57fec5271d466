import type { Change } from './change.ts';
import { diff as defaultDiff } from './change.ts';
import type { Effect } from './effect.ts';
import type { Host, ReadHost } from './host.ts';
import { callSite } from './source.ts';
import type { ResourceStep, RetryPolicy } from './step.ts';

/** The four things that the author of a resource writes; check, diff, verify and report are the engine's. */
export interface ResourceDefinition<Props, Want extends object, Have> {
  /** A noun: `file`, `service`. */
  readonly kind: string;
  /** The whole wanted state from what the playbook gave. Throws `ProvisionError` (`PLAYBOOK`) for props that make no sense. */
  want(props: Props): Want;
  /** What tells two of one kind apart: the path, the name. */
  id(want: Want): string;
  /** The actual state, or undefined when it is absent; a missing tool or parent also reads as absent. */
  readonly read: (host: ReadHost, want: Want) => Promise<Have | undefined>;
  /** Default: each key of `want` compared with the same key of `have`. */
  diff?(have: Have | undefined, want: Want): readonly Change[];
  /**
   * What of `have` counts when a plan is applied later: a host on which it is another has moved, and the step is refused.
   * Leave out what moves by itself: process ids, how long something has run, how often it was restarted. Default: all of it.
   */
  precondition?(have: Have): unknown;
  /** What making these changes entails beyond the values themselves; a plan shows it. Default: nothing. */
  effects?(have: Have | undefined, want: Want, changes: readonly Change[]): readonly Effect[];
  /** Makes it so. Is called only when `diff` was not empty, and followed by another `read` and `diff`. */
  apply(host: Host, want: Want, have: Have | undefined): Promise<void>;
  /** How a failure is tried again: reading and applying begin anew. Default: not at all, unless a `block` says so. */
  readonly retry?: RetryPolicy;
}

/**
 * A kind of state that playbooks can ask for.
 * @example
 * const hostname = resource({
 *   kind: 'hostname',
 *   want: (props: { name: string }) => props,
 *   id: (want) => want.name,
 *   read: async (host) => ({ name: (await host.probe(sh`hostname`)).stdout.trim() }),
 *   apply: async (host, want) => void (await host.run(sh`hostnamectl set-hostname -- ${want.name}`)),
 * });
 */
export function resource<Props, Want extends object, Have extends object>(
  definition: ResourceDefinition<Props, Want, Have>,
): (props: Props) => ResourceStep {
  return (props) => {
    const at = callSite();
    const want = Object.freeze(definition.want(props));
    return Object.freeze<ResourceStep>({
      type: 'resource',
      kind: definition.kind,
      id: `${definition.kind} ${definition.id(want)}`,
      at,
      want,
      ...(definition.retry && { retry: definition.retry }),
      read: (host) => definition.read(host, want),
      diff: (have) => (definition.diff ?? defaultDiff)(have as Have | undefined, want),
      precondition: (have) => {
        if (have === undefined || !definition.precondition) return have;
        return definition.precondition(have as Have);
      },
      effects: (have, changes) => definition.effects?.(have as Have | undefined, want, changes) ?? [],
      apply: (host, have) => definition.apply(host, want, have as Have | undefined),
    });
  };
}
