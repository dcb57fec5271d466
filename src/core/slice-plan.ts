import type { SliceOutline } from './event.ts';
import type { Plan, PlayPlan } from './plan.ts';

/** Which part of the hosts a run is for: `2/3` is the second of three. */
export type Slice = Pick<SliceOutline, 'index' | 'of'>;

/** `2/3` as it is said on the command line and in plans; undefined when it is no slice. */
export function parseSlice(text: string): Slice | undefined {
  const [, index, of] = /^([1-9]\d{0,3})\/([1-9]\d{0,3})$/.exec(text)?.map(Number) ?? [];
  return index === undefined || of === undefined || index > of ? undefined : { index, of };
}

/**
 * The part of a plan that is for one slice of its hosts. Hosts that a run must coordinate stay together: those of plays that
 * read each other's groups, and those of a play that goes from host to host. The slices are the same whoever makes them of
 * the same plan, and as even as that allows; one may be empty.
 * @param digest of the whole plan
 * @example
 * slicePlan(plan, { index: 1, of: 3 }, planDigest(plan)).plays[0].hosts; // => every third host
 */
export function slicePlan(plan: Plan, { index, of }: Slice, digest: string): Plan {
  const mine = shares(plan, of)[index - 1]!;
  const hosts = plan.plays.map((play) => play.hosts.map(({ host }) => host));
  const plays = plan.plays.map((play): PlayPlan => {
    const own = play.hosts.filter(({ host }) => mine.has(host));
    // What it builds on is with it, or no part of the run.
    return { ...play, hosts: own, dependsOn: own.length > 0 ? play.dependsOn : [] };
  });
  return { plays, slice: { index, of, plan: digest, hosts } };
}

/** The largest groups first, each to the slice that has the fewest hosts so far. */
function shares(plan: Plan, of: number): Set<string>[] {
  const slices = Array.from({ length: of }, () => new Set<string>());
  const groups = [...togetherIn(plan)].sort((a, b) => b.length - a.length);
  for (const group of groups) {
    const smallest = slices.reduce((best, slice) => (slice.size < best.size ? slice : best));
    for (const host of group) smallest.add(host);
  }
  return slices;
}

/** The hosts of a plan in groups that must not be parted, in the order of the plan. */
function togetherIn(plan: Plan): string[][] {
  const groupOf = new Map<string, string[]>();
  for (const { host } of plan.plays.flatMap((play) => play.hosts))
    if (!groupOf.has(host)) groupOf.set(host, [host]);
  const unite = (hosts: readonly string[]) => {
    const groups = [...new Set(hosts.flatMap((host) => [groupOf.get(host) ?? []]))];
    const united = groups.flat();
    for (const host of united) groupOf.set(host, united);
  };
  for (const play of plan.plays) {
    const own = play.hosts.map(({ host }) => host);
    if (isCoordinated(play)) unite(own);
    if (own.length > 0 && play.dependsOn.some((host) => groupOf.has(host)))
      unite([...own, ...play.dependsOn]);
  }
  return [...new Set(groupOf.values())];
}

/** Whether what becomes of one host decides over the others of the play. */
function isCoordinated({ rollout = {}, hosts }: PlayPlan): boolean {
  const { serial, canary, maxFail } = rollout;
  const isRolledOut = [serial, canary, maxFail].some((option) => option !== undefined);
  return isRolledOut || hosts.some(({ gate }) => gate !== undefined);
}
