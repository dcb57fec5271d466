import type { StepEvent } from '../core/event.ts';
import { isLargeFile } from '../core/large-file.ts';
import { leavesOf } from '../core/leaves-of.ts';
import type { HostPlan, Plan, PlayPlan } from '../core/plan.ts';
import type { Step } from '../core/step.ts';
import type { PlannedPlay, PlannedStatus, PlannedStep } from './plan-file.ts';

/** What the plan of a run is made from beside the steps. */
export interface PlanFileTools {
  /** Keyed hash of what a step wants. */
  readonly hash: (want: unknown) => Promise<string>;
  /** Takes the secrets out of plain data. */
  readonly mask: <T>(value: T) => T;
}

/**
 * The plays of a plan file: each step with what it wants and, from the events of a check, what it found and would change.
 * @param events of a check in which nothing failed; empty for a plan of which no host was read yet
 */
export async function plannedPlays(
  plan: Plan,
  events: readonly StepEvent[],
  tools: PlanFileTools,
): Promise<PlannedPlay[]> {
  const outcomes = new Outcomes(events);
  const plays: PlannedPlay[] = [];
  for (const play of plan.plays) {
    const hosts = play.hosts.map((own) => plannedHost(play, own, outcomes, tools));
    plays.push({ ...tools.mask({ name: play.name }), hosts: await Promise.all(hosts) });
  }
  return plays;
}

async function plannedHost(
  play: PlayPlan,
  { host, steps }: HostPlan,
  outcomes: Outcomes,
  { hash, mask }: PlanFileTools,
): Promise<PlannedPlay['hosts'][number]> {
  const found = steps.map((step) => ({ step, event: outcomes.take(play.name, host, step) }));
  const planned = found.map(async ({ step, event }): Promise<PlannedStep> => {
    const { changes = [], effects = [], precondition, reason } = event ?? {};
    return {
      ...mask({ id: step.id, at: step.at }),
      status: event ? statusOf(event) : 'skipped',
      want: await hash(await identityOf(step)),
      ...(precondition !== undefined && { precondition }),
      ...mask({ changes, effects, ...(reason !== undefined && { reason }) }),
    };
  });
  return { ...mask({ host }), steps: await Promise.all(planned) };
}

/** The events of a check by their place in the plan. */
class Outcomes {
  readonly #events = new Map<string, StepEvent[]>();

  constructor(events: readonly StepEvent[]) {
    for (const event of events) {
      const key = keyOf(event.play, event.host, event.step);
      const alike = this.#events.get(key);
      if (alike) alike.push(event);
      else this.#events.set(key, [event]);
    }
  }

  /** Two plays may have one name; they come in their order. A requirement of several plays is looked at once. */
  take(play: string, host: string, step: Step): StepEvent | undefined {
    if (step.type === 'requirement') return this.#events.get(keyOf('requirements', host, step.id))?.[0];
    return this.#events.get(keyOf(play, host, step.id))?.shift();
  }
}

function keyOf(...parts: readonly string[]): string {
  return JSON.stringify(parts);
}

function statusOf({ status, changes = [], reason }: StepEvent): PlannedStatus {
  if (status === 'would-change') {
    return changes.every(({ type }) => type === 'unknown') ? 'known-after-apply' : 'would-change';
  }
  if (status === 'ok') return 'ok';
  return reason?.startsWith('known after apply') ? 'known-after-apply' : 'skipped';
}

/** What makes a step the one that it is. Large files count with their bytes. */
async function identityOf(step: Step): Promise<unknown> {
  switch (step.type) {
    case 'resource': {
      const files = [...leavesOf(step.want)].filter(isLargeFile);
      const bytes = await Promise.all(files.map((file) => file.sha256()));
      return { kind: step.kind, want: step.want, bytes };
    }
    case 'onChange':
      return { watches: step.watches, action: step.action.id };
    case 'condition':
      return { kind: step.kind, timeoutMs: step.timeoutMs, remedy: step.remedy };
    case 'requirement':
      return { name: step.name, rule: step.rule };
  }
}
