import type { ReadHost } from './host.ts';
import { callSite } from './source.ts';
import type { ConditionStep, Observation } from './step.ts';

export interface ConditionDefinition<Props> {
  /** What is waited for, as a noun: `http`, `ready`. */
  readonly kind: string;
  id(props: Props): string;
  /** One look, which does not wait by itself. It may be made ahead of the turn of the step, for five seconds at most then. */
  readonly observe: (host: ReadHost, props: Props) => Promise<Observation>;
  /** How long to wait, in milliseconds. */
  timeoutMs(props: Props): number;
  /** How long between two looks, in milliseconds. Default 2000. */
  readonly intervalMs?: number;
  /** What to do when it never holds. */
  remedy(props: Props): string;
}

/**
 * A kind of thing that must become true by itself: it is observed until it holds, and changes nothing.
 * @example
 * const pathExists = condition({
 *   kind: 'path',
 *   id: (props: { path: string }) => props.path,
 *   observe: async (host, { path }) => ({ holds: (await host.stat(path)) !== undefined, saw: `no ${path}` }),
 *   timeoutMs: () => 60_000,
 *   remedy: ({ path }) => `find out why nothing makes ${path}`,
 * });
 */
export function condition<Props>(definition: ConditionDefinition<Props>): (props: Props) => ConditionStep {
  return (props) =>
    Object.freeze<ConditionStep>({
      type: 'condition',
      kind: definition.kind,
      id: `${definition.kind} ${definition.id(props)}`,
      at: callSite(),
      observe: (host) => definition.observe(host, props),
      timeoutMs: definition.timeoutMs(props),
      intervalMs: definition.intervalMs ?? 2000,
      remedy: definition.remedy(props),
    });
}
