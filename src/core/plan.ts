import { block } from './block.ts';
import { problemsOf, throwProblems, type Problem } from './errors.ts';
import type { SliceOutline } from './event.ts';
import type { Peer, Play, PlayContext, Playbook } from './play.ts';
import { formatLocation } from './source.ts';
import { rolloutProblems, type RolloutOptions } from './rollout.ts';
import { flattenSteps, type ConditionStep, type Step } from './step.ts';

/** One host with all its values read and typed. */
export interface ResolvedHost {
  readonly name: string;
  readonly address: string;
  /** Parsed vars by group: a host may be in several. */
  readonly vars: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
}

/** An inventory in which every value has been read, typed and checked. */
export interface ResolvedInventory {
  /** Hosts by group, in the order of the inventory. */
  readonly groups: ReadonlyMap<string, readonly ResolvedHost[]>;
}

/** The steps of one host in one play. */
export interface HostPlan {
  readonly host: string;
  readonly steps: readonly Step[];
  /** The steps that a person has left out. Absent: none. */
  readonly leftOut?: LeftOut;
  /** What must hold after the batch of the host, before the next one. Absent: nothing. */
  readonly gate?: readonly ConditionStep[];
  /** What a person should know when all of it has succeeded. */
  readonly notes: readonly string[];
}

/** Why a step is left out, by its id. */
export type LeftOut = Readonly<Record<string, string>>;

export interface PlayPlan {
  readonly name: string;
  readonly group: string;
  /** How it goes from host to host. Absent: all at once. */
  readonly rollout?: RolloutOptions;
  readonly hosts: readonly HostPlan[];
  /** Hosts of other groups that this play has read, chosen or not; it is skipped when one of them failed. */
  readonly dependsOn: readonly string[];
}

/** Everything that a run will do, known before the first packet. */
export interface Plan {
  readonly plays: readonly PlayPlan[];
  /** Which part of a larger plan it is. Absent: all of it. */
  readonly slice?: SliceOutline;
}

/**
 * Calls the play functions for each host: the whole plan, validated, with nothing contacted.
 * @param chosen the hosts that are part of the run; the others are only peers, which plays may read. Default: all
 * @throws ProvisionError with every problem of every play and host
 * @example
 * const plan = createPlan(playbook, resolved);
 */
export function createPlan(
  playbook: Playbook,
  inventory: ResolvedInventory,
  chosen?: ReadonlySet<string>,
): Plan {
  const problems: Problem[] = [];
  const plays = playbook.plays.map((play) => planPlay(play, inventory, problems, chosen));
  throwProblems(problems);
  return { plays };
}

function planPlay(
  play: Play,
  inventory: ResolvedInventory,
  problems: Problem[],
  chosen: ReadonlySet<string> | undefined,
): PlayPlan {
  const all = inventory.groups.get(play.group) ?? [];
  const members = all.filter(({ name }) => chosen?.has(name) ?? true);
  const readGroups = new Set<string>();
  const hosts = members.map((member): HostPlan => {
    try {
      const context = contextOf(member, play, inventory, readGroups);
      const steps = stepsOf(play, context);
      const gate = gateOf(play, context);
      problems.push(...checkSteps([...steps, ...gate], member.name), ...checkGate(gate, member.name));
      const notes = play.options.notes?.(context) ?? [];
      return { host: member.name, steps, notes, ...(gate.length > 0 && { gate }) };
    } catch (error) {
      problems.push(...problemsOf(error).map((problem) => ({ host: member.name, at: play.at, ...problem })));
      return { host: member.name, steps: [], notes: [] };
    }
  });
  problems.push(...checkRollout(play));
  readGroups.delete(play.group);
  const dependsOn = [...readGroups]
    .flatMap((group) => inventory.groups.get(group) ?? [])
    .map((host) => host.name);
  return { name: play.name, group: play.group, rollout: play.options, hosts, dependsOn };
}

function stepsOf(play: Play, context: PlayContext<Playbook['groups'], string>): Step[] {
  const steps = flattenSteps(play.build(context));
  const { tags } = play.options;
  return tags === undefined ? steps : block({ tags }, steps);
}

/** Named apart from the steps of the play, which may well end with the same condition. */
function gateOf(play: Play, context: PlayContext<Playbook['groups'], string>): ConditionStep[] {
  const steps = flattenSteps(play.options.gate?.(context) ?? []) as ConditionStep[];
  return steps.map((step) => Object.freeze({ ...step, id: `gate ${step.id}` }));
}

function contextOf(
  member: ResolvedHost,
  play: Play,
  inventory: ResolvedInventory,
  readGroups: Set<string>,
): PlayContext<Playbook['groups'], string> {
  const groups = {};
  for (const [group, hosts] of inventory.groups) {
    Object.defineProperty(groups, group, {
      enumerable: true,
      get() {
        readGroups.add(group);
        return hosts.map((host): Peer<unknown> => ({
          name: host.name,
          address: host.address,
          vars: host.vars.get(group) ?? {},
        }));
      },
    });
  }
  const { name, address } = member;
  return { host: { name, address }, vars: member.vars.get(play.group) ?? {}, groups };
}

function checkSteps(steps: readonly Step[], host: string): Problem[] {
  const problems: Problem[] = [];
  const seen = new Map<string, Step>();
  for (const step of steps) {
    const twin = seen.get(step.id);
    if (twin) {
      const other = twin.at[0];
      problems.push({
        code: 'PLAYBOOK',
        host,
        step: step.id,
        at: step.at,
        happened: `two steps of one play manage the same thing${other ? `; the other is at ${formatLocation(other)}` : ''}`,
        remedy: 'keep one of them',
      });
    }
    if (step.type === 'onChange') problems.push(...checkWatches(step.watches, seen, step, host));
    seen.set(step.id, step);
  }
  return problems;
}

function checkWatches(
  watches: readonly string[],
  seen: ReadonlyMap<string, Step>,
  step: Step,
  host: string,
): Problem[] {
  return watches
    .filter((id) => !seen.has(id))
    .map((id) => ({
      code: 'PLAYBOOK' as const,
      host,
      step: step.id,
      at: step.at,
      happened: `it watches "${id}", which is no earlier step of this play`,
      remedy: 'put the watched step into the list, before this one',
    }));
}

function checkGate(gate: readonly Step[], host: string): Problem[] {
  return gate
    .filter(({ type }) => type !== 'condition')
    .map(({ id, at }) => ({
      code: 'PLAYBOOK' as const,
      host,
      step: id,
      at,
      happened: 'it is no condition, and a gate changes nothing',
      remedy: 'put it among the steps of the play, or make it a condition()',
    }));
}

function checkRollout({ name, at, options }: Play): Problem[] {
  return rolloutProblems(options).map((happened) => ({
    code: 'PLAYBOOK' as const,
    at,
    happened: `play "${name}": ${happened}`,
    remedy: "serial and canary are such as 1 or '25%', maxFail such as 0 or '10%'",
  }));
}
