import { throwProblems, type Problem } from '../core/errors.ts';
import type { HostSummary, PlayOutline, RunEvent, SliceOutline } from '../core/event.ts';
import { streamProblem, type EventStream } from './read-event-stream.ts';

/**
 * The events of the slices of one run as one process would have told them: phase by phase, and within a phase slice by slice.
 * @param combineExits the exit code of several runs as if they were one
 * @throws ProvisionError `REPORT` when they are not all the slices of one run, each once
 */
export function mergeSlices(
  streams: readonly EventStream[],
  combineExits: (exits: readonly number[]) => number,
): RunEvent[] {
  const only = streams.length === 1 ? streams[0] : undefined;
  if (only && !only.start.slice) return [...only.events];
  throwProblems(misfits(streams));
  const sorted = [...streams].sort((a, b) => sliceOf(a).index - sliceOf(b).index);
  const [{ start }] = sorted as [EventStream];
  const { hosts } = start.slice!;
  const plays = start.plays.map(({ name }, play) => mergeOutline(name, hosts[play]!, play, sorted));
  const sections = sorted.map((stream) => sectionsOf(stream));
  const merged = [undefined, ...start.plays.keys()].flatMap((play) => {
    const order = play === undefined ? [...new Set(hosts.flat())] : hosts[play]!;
    return mergeSections(
      sections.map((own) => own.get(play) ?? []),
      order,
    );
  });
  const { schema, mode } = start;
  return [{ event: 'start', schema, mode, plays }, ...merged, mergeSummaries(sorted, hosts, combineExits)];
}

/** Only asked of streams that are slices. */
function sliceOf({ start }: EventStream): SliceOutline {
  return start.slice!;
}

function misfits(streams: readonly EventStream[]): Problem[] {
  const whole = streams.filter(({ start }) => !start.slice);
  if (whole.length > 0)
    return whole.map(({ file }) => streamProblem('it is no slice: its run was for all hosts', file));
  const [first] = streams as [EventStream];
  const like = sliceOf(first);
  const problems: Problem[] = [];
  const seen = new Map<number, string>();
  const ownerOf = new Map<string, string>();
  for (const { file, start, summary } of streams) {
    const { index, of, plan, hosts } = start.slice!;
    const fault = (happened: string) => problems.push(streamProblem(happened, file));
    if (of !== like.of) fault(`it is one of ${of} slices, and ${first.file} one of ${like.of}`);
    const isSame = plan === like.plan && JSON.stringify(hosts) === JSON.stringify(like.hosts);
    const isAlike = start.plays.length === hosts.length && start.plays.length === first.start.plays.length;
    if (!isSame || !isAlike) fault(`it was made from another plan than ${first.file}`);
    if (start.mode !== first.start.mode)
      fault(`it is a run of another mode than ${first.file}: ${start.mode}`);
    const twin = seen.get(index);
    if (twin !== undefined) fault(`it is slice ${index} of ${of}, as is ${twin}`);
    seen.set(index, file);
    for (const host of twin === undefined ? Object.keys(summary.hosts) : []) {
      const owner = ownerOf.get(host);
      if (owner !== undefined) fault(`the host ${host} is in ${owner} as well`);
      ownerOf.set(host, file);
    }
  }
  for (let index = 1; index <= like.of && index <= 10_000; index++)
    if (!seen.has(index)) problems.push(streamProblem(`slice ${index} of ${like.of} is missing`, first.file));
  const lacking = [...new Set(like.hosts.flat())].filter((host) => !ownerOf.has(host));
  if (problems.length === 0 && lacking.length > 0)
    problems.push(streamProblem(`no slice has the hosts ${lacking.slice(0, 5).join(', ')}`, first.file));
  return problems;
}

function mergeOutline(
  name: string,
  hosts: readonly string[],
  play: number,
  streams: readonly EventStream[],
): PlayOutline {
  const outlines = new Map(
    streams.flatMap(({ start }) => start.plays[play]!.hosts.map((own) => [own.host, own] as const)),
  );
  return { name, hosts: hosts.map((host) => outlines.get(host) ?? { host, steps: [] }) };
}

/** The events of a stream by the play that they are of; those of the requirements by undefined. */
function sectionsOf({ start, events }: EventStream): Map<number | undefined, RunEvent[]> {
  const sections = new Map<number | undefined, RunEvent[]>();
  let play: number | undefined;
  /** Plays may share a name, and one that is skipped as a whole may have no phase. */
  const goTo = (name: string, isNew: boolean) => {
    if (play === undefined && name === 'requirements') return;
    if (play !== undefined && start.plays[play]!.name === name && !isNew) return;
    const from = play === undefined ? 0 : play + 1;
    const next = start.plays.findIndex((each, index) => index >= from && each.name === name);
    if (next >= 0) play = next;
  };
  for (const event of events) {
    if (event.event === 'start' || event.event === 'summary') continue;
    if (event.event === 'phase') goTo(event.name, (event.batch ?? 1) === 1);
    else if ('play' in event) goTo(event.play, false);
    const section = sections.get(play) ?? [];
    section.push(event);
    sections.set(play, section);
  }
  return sections;
}

/** A play that goes in batches is in one slice; of any other, the phases become one. */
function mergeSections(sections: readonly (readonly RunEvent[])[], order: readonly string[]): RunEvent[] {
  const phases = sections.flat().filter((event) => event.event === 'phase');
  const [first] = phases;
  const rest = sections.flat();
  if (!first || phases.some(({ batch }) => batch !== undefined)) return rest;
  const begun = new Set(phases.flatMap(({ hosts }) => hosts));
  const phase = { ...first, hosts: order.filter((host) => begun.has(host)) };
  return [phase, ...rest.filter((event) => event.event !== 'phase')];
}

function mergeSummaries(
  streams: readonly EventStream[],
  hosts: SliceOutline['hosts'],
  combineExits: (exits: readonly number[]) => number,
): RunEvent {
  const summaries = streams.map(({ summary }) => summary);
  const counts = new Map(summaries.flatMap((each) => Object.entries(each.hosts)));
  const order = [...new Set(hosts.flat())];
  const exit = combineExits(summaries.map((each) => each.exit));
  const isInterrupted = exit > 128 && exit < 250;
  return {
    event: 'summary',
    mode: summaries[0]!.mode,
    hosts: Object.fromEntries(order.map((host): [string, HostSummary] => [host, counts.get(host)!])),
    exit,
    ms: summaries.reduce((longest, { ms }) => Math.max(longest, ms), 0),
    notes: isInterrupted ? [] : [...new Set(summaries.flatMap(({ notes }) => notes))],
  };
}
