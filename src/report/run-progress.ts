import type { Problem } from '../core/errors.ts';
import type { RunEvent, RunMode, StepEvent } from '../core/event.ts';
import { placeOf } from './event-lines.ts';
import { sanitizeLine } from './sanitize.ts';

export interface HostProgress {
  readonly name: string;
  status: 'waiting' | 'running' | 'done' | 'failed';
  /** Of how many steps. */
  total: number;
  readonly ended: Set<string>;
  /** Ended, and not merely skipped. */
  reached: number;
  changed: number;
  /** The step that runs now, and since when (a reading of the run's clock, in milliseconds). */
  step: string | undefined;
  since: number;
  /** What it waits for, in its own words. */
  waitsFor: string | undefined;
  problem: Problem | undefined;
}

/** Where every host of a run stands, kept up to date from the events: what the views show. */
export class RunProgress {
  readonly hosts = new Map<string, HostProgress>();
  mode: RunMode = 'apply';
  startedAt = 0;
  phase: string | undefined;

  apply(event: RunEvent, now: number): void {
    switch (event.event) {
      case 'start':
        this.#start(event, now);
        break;
      case 'phase':
        this.phase = `${event.name}${placeOf(event)}`;
        break;
      case 'step-start':
        this.#run(this.#hostOf(event.host), event.step, now);
        break;
      case 'progress':
        this.#wait(event, now);
        break;
      case 'step':
        this.#end(this.#hostOf(event.host), event);
        break;
      case 'notice':
      case 'summary':
        break;
    }
  }

  /** Hosts with a step under way, the longest first. */
  running(): HostProgress[] {
    return [...this.hosts.values()]
      .filter((host) => host.step !== undefined)
      .sort((a, b) => a.since - b.since);
  }

  #start(event: RunEvent & { event: 'start' }, now: number): void {
    this.mode = event.mode;
    this.startedAt = now;
    for (const { host, steps } of event.plays.flatMap((play) => play.hosts)) {
      this.#hostOf(host).total += steps.length;
    }
  }

  #run(host: HostProgress, step: string, now: number): void {
    if (host.status !== 'failed') host.status = 'running';
    host.step = step;
    host.since = now;
    host.waitsFor = undefined;
  }

  #wait(event: RunEvent & { event: 'progress' }, now: number): void {
    const host = this.#hostOf(event.host);
    if (host.step === undefined) this.#run(host, event.step ?? 'connect', now);
    const known = `waiting for ${host.step}: `;
    host.waitsFor = sanitizeLine(event.text.startsWith(known) ? event.text.slice(known.length) : event.text);
  }

  #end(host: HostProgress, event: StepEvent): void {
    // Connecting is a step of every host that no play lists.
    if (event.step !== 'connect') host.ended.add(`${event.play}\0${event.step}`);
    if (event.status !== 'skipped') host.reached = host.ended.size;
    host.step = undefined;
    host.waitsFor = undefined;
    if (event.status === 'changed' || event.status === 'would-change') host.changed++;
    if (event.status === 'failed') {
      host.status = 'failed';
      host.problem ??= event.problems?.[0];
    } else if (host.status !== 'failed') {
      host.status = host.ended.size >= host.total ? 'done' : 'running';
    }
  }

  #hostOf(name: string): HostProgress {
    let host = this.hosts.get(name);
    if (!host) {
      host = {
        name,
        status: 'waiting',
        total: 0,
        ended: new Set(),
        reached: 0,
        changed: 0,
        step: undefined,
        since: 0,
        waitsFor: undefined,
        problem: undefined,
      };
      this.hosts.set(name, host);
    }
    return host;
  }
}
