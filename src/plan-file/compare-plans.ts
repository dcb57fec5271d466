import type { Change } from '../core/change.ts';
import { canonical } from '../core/canonical.ts';
import type { Problem } from '../core/errors.ts';
import type { PlannedHost, PlannedPlay, PlannedStep } from './plan-file.ts';

type Plays = readonly PlannedPlay[];

/**
 * Where the input makes another plan than the one that was written: other plays, hosts or steps, or another want of a step.
 * Nothing has to be read from a host for it.
 */
export function otherInput(planned: Plays, now: Plays): Problem[] {
  const problems: Problem[] = pairs(planned, now, ({ name }) => name).flatMap(([before, after]) => {
    if (!before || !after)
      return [input(`play "${(before ?? after)!.name}" ${before ? 'is gone' : 'is new'}`)];
    return pairs(before.hosts, after.hosts, ({ host }) => host).flatMap(([a, b]) =>
      otherHost(before.name, a, b),
    );
  });
  if (problems.length > 0 || orderOf(planned) === orderOf(now)) return problems;
  return [input('the order of plays, hosts or steps is another')];
}

function otherHost(play: string, planned: PlannedHost | undefined, now: PlannedHost | undefined): Problem[] {
  if (!planned || !now) {
    const told = `the host ${planned ? 'is not in' : 'is new in'} play "${play}"`;
    return [{ ...input(told), host: (planned ?? now)!.host }];
  }
  const { host } = planned;
  return pairs(planned.steps, now.steps, ({ id }) => id).flatMap(([before, after]): Problem[] => {
    const { id: step, at } = (after ?? before)!;
    if (before?.want === after?.want) return [];
    const told =
      before && after ? 'something else is wanted' : before ? 'the step is gone' : 'the step is new';
    return [{ ...input(told), host, step, at }];
  });
}

function input(happened: string): Problem {
  return {
    code: 'STALE_PLAN',
    happened: `inventory or playbook have changed since the plan was made: ${happened}`,
    hostState: 'nothing was contacted',
    remedy: 'make a new plan, or go back to the input of this one',
  };
}

/**
 * Where hosts, read again, are not what the plan found; all of them at once. The input is the same. What only cannot be
 * known any more, since something before it would change, is told where there is nothing else to tell.
 */
export function movedSteps(planned: Plays, now: Plays): Problem[] {
  const steps = pairs(planned, now, ({ name }) => name).flatMap(([before, after]) =>
    pairs(before!.hosts, after!.hosts, ({ host }) => host).flatMap(([a, b]) =>
      pairs(a!.steps, b!.steps, ({ id }) => id).map(([step, again]) => ({
        problems: movedStep(a!.host, step!, again!),
        isConsequence: again!.status === 'known-after-apply' && step!.precondition === again!.precondition,
      })),
    ),
  );
  const causes = steps.filter(({ isConsequence }) => !isConsequence).flatMap(({ problems }) => problems);
  return causes.length > 0 ? causes : steps.flatMap(({ problems }) => problems);
}

function movedStep(host: string, planned: PlannedStep, now: PlannedStep): Problem[] {
  const hasMoved = planned.precondition !== now.precondition;
  if (!hasMoved && wouldDo(planned) === wouldDo(now)) return [];
  const told = differences(planned, now);
  return [
    {
      code: 'STALE_PLAN',
      host,
      step: now.id,
      at: now.at,
      happened: `the host has moved since the plan was made: ${told.length > 0 ? told.join('; ') : 'what is read there is another'}`,
      hostState: 'nothing was changed on any host',
      remedy: 'make a new plan, look at it, and apply that one',
    },
  ];
}

/** What a step would do; what was there before is the precondition's matter. */
function wouldDo({ status, changes, effects }: PlannedStep): string {
  const wanted = changes.map(({ type, path, ...rest }) => ({
    type,
    path,
    want: 'want' in rest ? rest.want : null,
  }));
  return canonical({ status, wanted, effects });
}

const mostTold = 5;

function differences(planned: PlannedStep, now: PlannedStep): string[] {
  const told = pairs(planned.changes, now.changes, ({ path }) => path).flatMap(([before, after]) => {
    if (!before)
      return [`${after!.path} ${after!.type === 'value' ? `is ${shown(after!)}` : 'is another'} now`];
    if (!after) return [`${before.path} is as wanted now`];
    const [was, is] = [shown(before), shown(after)];
    if (canonical(before) === canonical(after)) return [];
    return was === is ? [`${after.path} is another`] : [`${after.path} was ${was} and is ${is}`];
  });
  if (told.length === 0 && planned.status !== now.status)
    return [`it was ${planned.status} and is ${now.status}`];
  return told.length > mostTold ? [...told.slice(0, mostTold), `${told.length - mostTold} more`] : told;
}

function shown(change: Change): string {
  if (change.type === 'unknown') return 'not known';
  if (change.have === undefined || (change.type === 'secret' && change.have === 'absent')) return 'absent';
  if (change.type === 'secret') return 'another secret';
  if (change.type === 'text') return `a text of ${change.have.length} characters`;
  const { have } = change;
  const text = typeof have === 'string' && have !== '' ? have : JSON.stringify(have);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** What has one key on both sides, in order; the first with the first, where several have it. */
function pairs<T>(
  before: readonly T[],
  after: readonly T[],
  keyOf: (item: T) => string,
): [T | undefined, T | undefined][] {
  const waiting = new Map<string, T[]>();
  for (const item of after) {
    const alike = waiting.get(keyOf(item));
    if (alike) alike.push(item);
    else waiting.set(keyOf(item), [item]);
  }
  const found = before.map((item): [T, T | undefined] => [item, waiting.get(keyOf(item))?.shift()]);
  return [...found, ...[...waiting.values()].flat().map((item): [undefined, T] => [undefined, item])];
}

function orderOf(plays: Plays): string {
  return canonical(
    plays.map(({ name, hosts }) => ({
      name,
      hosts: hosts.map(({ host, steps }) => ({ host, steps: steps.map(({ id }) => id) })),
    })),
  );
}
