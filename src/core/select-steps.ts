import { ProvisionError, throwProblems, type Problem } from './errors.ts';
import { globMatcher } from './glob.ts';
import type { HostPlan, LeftOut, Plan, PlayPlan } from './plan.ts';
import type { Step } from './step.ts';
import { didYouMean } from './suggest.ts';

/** Which steps of a plan a person wants. A pattern is a tag or the id of a step, both with `*`, `?` and `[a-z]`. */
export interface StepSelection {
  /** Only these, and the actions that are due when they change something. */
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  /** Nothing that stands before the first step that is like it; nothing in that play on hosts that have no such step. */
  readonly startAt?: string;
  /** As `only`, by tags alone: the names that Ansible has. */
  readonly tags?: readonly string[];
  readonly skipTags?: readonly string[];
}

/**
 * The same plan, in which each host knows the steps that it leaves out. Requirements are left out only where they are skipped.
 * @throws ProvisionError `SELECTION` when a pattern is like no step of the plan, or no step is left
 * @example
 * const steered = selectSteps(plan, { only: ['tls', 'file /etc/nginx/*'] });
 */
export function selectSteps(plan: Plan, selection: StepSelection): Plan {
  const patterns = new StepPatterns(selection);
  if (patterns.all.length === 0) return plan;
  throwProblems(patterns.all.flatMap((pattern) => problemsWith(pattern, plan)));
  const start = playOfStart(plan, patterns.startAt);
  const plays = plan.plays.map((play, index) => ({
    ...play,
    hosts: play.hosts.map((host) => {
      const from = index < start ? Infinity : index === start ? startOf(host, patterns.startAt!) : 0;
      const leftOut = leftOutOf(host, from, patterns);
      return Object.keys(leftOut).length === 0 ? host : { ...host, leftOut };
    }),
  }));
  refuseNothing(plays, patterns);
  return { plays };
}

/** Where a choice starts, and the hosts of that play which have no such step. */
export interface IdleAtStart {
  readonly play: string;
  readonly hosts: readonly string[];
}

/**
 * The hosts that do nothing in the play in which a choice of steps starts, as they have no step that is like it.
 * @example
 * hostsWithoutStart(plan, { startAt: 'file /etc/motd' }); // => { play: 'web', hosts: ['web-2'] }
 */
export function hostsWithoutStart(plan: Plan, { startAt }: StepSelection): IdleAtStart | undefined {
  const { startAt: pattern } = new StepPatterns(startAt === undefined ? {} : { startAt });
  const play = plan.plays[playOfStart(plan, pattern)];
  if (!play || !pattern) return undefined;
  const idle = play.hosts.filter((host) => startOf(host, pattern) === Infinity);
  return { play: play.name, hosts: idle.map(({ host }) => host) };
}

/** @param from the place of the first step that counts */
function leftOutOf({ steps, gate = [] }: HostPlan, from: number, patterns: StepPatterns): LeftOut {
  const own = steps.map((step, place) => ({
    step,
    reason: patterns.reasonAgainst(step, steps, place < from),
  }));
  const work = own.filter(({ step }) => step.type !== 'requirement');
  // Where nothing is done, there is nothing whose health is to be known.
  const idle = work.every(({ reason }) => reason !== undefined) ? work[0]?.reason : undefined;
  const after = gate.map((step) => ({ step, reason: patterns.skipReason(step) ?? idle }));
  return Object.fromEntries(
    [...own, ...after].flatMap(({ step, reason }) => (reason === undefined ? [] : [[step.id, reason]])),
  );
}

interface Pattern {
  /** As it was given: `--only tls`. */
  readonly said: string;
  readonly text: string;
  readonly byTagOnly: boolean;
  readonly isStart: boolean;
  isLike(step: Step): boolean;
}

class StepPatterns {
  readonly only: readonly Pattern[];
  readonly skip: readonly Pattern[];
  readonly startAt: Pattern | undefined;

  constructor({ only = [], skip = [], startAt, tags = [], skipTags = [] }: StepSelection) {
    this.only = [
      ...only.map((text) => patternOf('--only', text)),
      ...tags.map((text) => patternOf('--tags', text, true)),
    ];
    this.skip = [
      ...skip.map((text) => patternOf('--skip', text)),
      ...skipTags.map((text) => patternOf('--skip-tags', text, true)),
    ];
    this.startAt = startAt === undefined ? undefined : patternOf('--start-at', startAt);
  }

  get all(): readonly Pattern[] {
    return [...this.only, ...this.skip, ...(this.startAt ? [this.startAt] : [])];
  }

  reasonAgainst(step: Step, steps: readonly Step[], isBefore: boolean): string | undefined {
    const skipped = this.skipReason(step);
    if (skipped !== undefined) return skipped;
    if (step.type === 'requirement') return undefined;
    if (isBefore) return `left out by ${this.startAt!.said}`;
    if (this.only.length === 0 || this.#isWanted(step)) return undefined;
    // What a chosen step changes must become live: its action belongs to it.
    const watched = step.type === 'onChange' ? steps.filter(({ id }) => step.watches.includes(id)) : [];
    if (watched.some((other) => this.#isWanted(other))) return undefined;
    return `left out by ${this.only.map(({ said }) => said).join(' ')}`;
  }

  skipReason(step: Step): string | undefined {
    const against = this.skip.find((pattern) => pattern.isLike(step));
    return against && `left out by ${against.said}`;
  }

  #isWanted(step: Step): boolean {
    return this.only.some((pattern) => pattern.isLike(step));
  }
}

function patternOf(option: string, text: string, byTagOnly = false): Pattern {
  const isLike = byTagOnly ? (name: string) => name === text : globMatcher(text);
  return {
    said: `${option} ${/\s/.test(text) ? JSON.stringify(text) : text}`,
    text,
    byTagOnly,
    isStart: option === '--start-at',
    isLike: ({ id, tags = [] }) => tags.some(isLike) || (!byTagOnly && isLike(id)),
  };
}

function problemsWith(pattern: Pattern, plan: Plan): Problem[] {
  const hosts = plan.plays.flatMap((play) => play.hosts);
  // A gate belongs to its batch, and is no place to start at.
  const steps = hosts.flatMap((host) => [...host.steps, ...((!pattern.isStart && host.gate) || [])]);
  if (steps.some((step) => pattern.isLike(step))) return [];
  const tags = new Set(steps.flatMap((step) => step.tags ?? []));
  const ids = new Set(pattern.byTagOnly ? [] : steps.map(({ id }) => id));
  const near = didYouMean(pattern.text, [...tags, ...ids]);
  const isKind = !pattern.byTagOnly && [...ids].some((id) => id.startsWith(`${pattern.text} `));
  const known = tags.size > 0 ? `known tags: ${[...tags].join(', ')}` : 'no step has a tag';
  const other = pattern.byTagOnly ? known : `${known}; provision check lists the steps`;
  const meant = isKind ? `${pattern.text} *` : near;
  return [
    {
      code: 'SELECTION',
      happened: `${pattern.said} is like no step of this run`,
      hostState: 'nothing was contacted',
      remedy: meant === undefined ? other : `did you mean "${meant}"?`,
    },
  ];
}

/** The place of the play with the first step that is like it; -1 where nobody has said where to start. */
function playOfStart(plan: Plan, pattern: Pattern | undefined): number {
  if (!pattern) return -1;
  return plan.plays.findIndex(({ hosts }) => hosts.some((host) => startOf(host, pattern) < Infinity));
}

/** A host of the play in which it starts that has no such step does nothing in it: who knows what stands before it there. */
function startOf({ steps }: HostPlan, pattern: Pattern): number {
  const place = steps.findIndex((step) => pattern.isLike(step));
  return place < 0 ? Infinity : place;
}

function refuseNothing(plays: readonly PlayPlan[], patterns: StepPatterns): void {
  const hosts = plays.flatMap((play) => play.hosts);
  const isLeft = hosts.some(({ steps, leftOut = {} }) =>
    steps.some(({ id, type }) => type !== 'requirement' && leftOut[id] === undefined),
  );
  if (isLeft) return;
  throw new ProvisionError({
    code: 'SELECTION',
    happened: `${patterns.all.map(({ said }) => said).join(' ')} leaves no step to do`,
    hostState: 'nothing was contacted',
    remedy: 'choose others',
  });
}
