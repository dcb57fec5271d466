import { setTimeout as pause } from 'node:timers/promises';
import { diffSnapshots } from '../support/snapshot.ts';
import { failuresOf, provision } from '../support/provision.ts';
import type { Disturbance } from './disturbances.ts';
import { findLeftovers } from './leftovers.ts';
import type { Cut } from './link.ts';
import type { Place } from './place.ts';
import { Random } from './random.ts';
import { Site, type SiteOptions } from './site.ts';
import { struckRun, type Moment } from './struck-run.ts';

/** What ends a run: the controller is killed, its lines are cut, it vanishes without a word, or a host is restarted. */
export type Blow = 'kill' | 'vanish' | 'restart' | Cut;

export interface RoundOptions {
  readonly seed: string;
  readonly site: SiteOptions;
  readonly blows: readonly Blow[];
  readonly disturbances: readonly Disturbance[];
  /** The moment of each blow; by chance, within what the disturbances give to do, when there is none. */
  readonly moments?: readonly Moment[];
}

/** What a round came to; `story` tells it again, for whoever has to find out why it failed. */
export interface RoundResult {
  readonly struck: number;
  readonly seconds: number;
  /** How many things the struck runs had left behind before the next whole one. */
  readonly leftBehind: readonly string[];
  readonly converged: { readonly exit: number; readonly failures: string };
  readonly again: { readonly exit: number; readonly failures: string; readonly changed: readonly string[] };
  /** What moved on the hosts during the run that had nothing to do. */
  readonly moved: readonly string[];
  readonly leftovers: readonly string[];
  readonly story: readonly string[];
}

/** Disturbs and strikes some times, then lets one run end what was begun, and another one find nothing to do. */
export async function playRound(place: Place, options: RoundOptions): Promise<RoundResult> {
  const round = new Round(place, options);
  try {
    return await round.play();
  } finally {
    round.site.remove();
  }
}

class Round {
  readonly site: Site;
  readonly #place: Place;
  readonly #options: RoundOptions;
  readonly #random: Random;
  readonly #story: string[] = [];
  #struck = 0;

  constructor(place: Place, options: RoundOptions) {
    this.#place = place;
    this.#options = options;
    this.#random = new Random(options.seed);
    this.site = new Site(place.lab, options.site);
  }

  async play(): Promise<RoundResult> {
    const started = performance.now();
    const { blows, moments = [] } = this.#options;
    for (const [index, blow] of blows.entries()) await this.#strike(blow, moments[index]);
    const { lab } = this.#place;
    const hosts = [lab.rancher, lab.lb];
    const leftBehind = (await Promise.all(hosts.map(findLeftovers))).flat();
    const converged = await this.#run();
    const look = () =>
      Promise.all(hosts.map((host) => host.snapshot(['/opt', '/root', '/home', '/var/lib/provision'])));
    const before = await look();
    const again = await this.#run();
    const after = await look();
    const leftovers = (await Promise.all(hosts.map(findLeftovers))).flat();
    return {
      struck: this.#struck,
      seconds: Math.round((performance.now() - started) / 1000),
      leftBehind,
      converged: { exit: converged.exit, failures: withoutNewKeys(failuresOf(converged)) },
      again: {
        exit: again.exit,
        failures: failuresOf(again),
        changed: again.statuses.filter((status) => !/: (ok|skipped)$/.test(status)),
      },
      moved: before.flatMap((host, index) => diffSnapshots(host, after[index]!)),
      leftovers,
      story: this.#story,
    };
  }

  async #strike(blow: Blow, given: Moment | undefined): Promise<void> {
    const { disturbances } = this.#options;
    const happened = this.#random.several(disturbances, 1 + this.#random.below(2));
    for (const disturbance of happened) await disturbance.happen(this.#place.lab, this.site);
    const moment = given ?? this.#chance(happened);
    let restarted: Promise<void> | undefined;
    const run = await struckRun(this.#args(), {
      env: { HOME: this.site.home },
      moment,
      durations: this.#place.durations,
      strike: (kill) => {
        if (blow === 'kill') kill();
        else if (blow === 'restart') {
          restarted = this.#restart(moment);
          // It is awaited when the run has ended; until then a failure of it must not end the tests.
          restarted.catch(() => undefined);
        } else void this.#cut(blow, kill);
      },
    });
    await restarted;
    if (run.struck) this.#struck++;
    const problems = run.events
      .flatMap((event) => (event.event === 'step' ? (event.problems ?? []) : []))
      .map((problem) => `${problem.code} ${problem.happened}`);
    this.#story.push(
      `${happened.map(({ name }) => name).join(', ')}; ${run.struck ? blow : 'ended before'} ${JSON.stringify(moment)} exit ${run.exit} ${Math.round(run.ms)} ms ${problems.join('; ')}`,
    );
  }

  #chance(happened: readonly Disturbance[]): Moment {
    const step = this.#random.pick(happened.flatMap(({ steps }) => steps));
    // Some of a step that has more to do than ever seen so far.
    return { kind: 'inside', step, share: this.#random.next() * 1.1 };
  }

  async #cut(blow: Cut | 'vanish', kill: () => void): Promise<void> {
    const links = Object.values(this.#place.links);
    links.forEach((link) => link.cut(blow === 'vanish' ? 'silence' : blow));
    if (blow !== 'vanish') return;
    await pause(10);
    kill();
  }

  async #restart(moment: Moment): Promise<void> {
    const { rancher, lb } = this.#place.lab;
    await (moment.kind !== 'early' && moment.step.startsWith('lb') ? lb : rancher).restart();
  }

  #args(): string[] {
    const { rancher, lb } = this.#place.links;
    return this.site.args({ rancher: rancher.port, lb: lb.port });
  }

  async #run() {
    const started = performance.now();
    const result = await provision(this.#args(), {
      env: { HOME: this.site.home },
      onEvent: (event) => this.#place.durations.hear(event),
    });
    const changed = result.statuses.filter((status) => /: (changed|failed)$/.test(status));
    this.#story.push(
      `run: exit ${result.exit} in ${Math.round(performance.now() - started)} ms: ${changed.join('; ')}`,
    );
    return result;
  }
}

/** A run that was killed early enough leaves it to the next one to get to know the hosts. */
function withoutNewKeys(text: string): string {
  return text
    .split('\n')
    .filter((line) => !line.includes('its key was not known and is now stored'))
    .join('\n')
    .trim();
}
