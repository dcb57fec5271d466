import type { Listener, RunEvent, StepEvent } from '../core/event.ts';
import type { Plan } from '../core/plan.ts';
import { systemClock } from '../engine/clock.ts';
import { runPlan, type RunOptions, type RunResult } from '../engine/run-plan.ts';
import { createReporter, renderPlan } from '../report/report.ts';
import type { Sink } from '../report/sink.ts';
import { terminalStyle } from './terminal.ts';
import type { ReachRequest } from './program/options.ts';
import type { Reach } from './with-hosts.ts';

/** What shapes a run and the view of it. */
export interface ReportedRequest extends ReachRequest {
  readonly diff: boolean;
  readonly skipRequirement: readonly string[];
}

/** What runs of one plan have done. */
export interface ReportedResult extends RunResult {
  readonly events: readonly RunEvent[];
}

/** Runs a plan on the hosts that were opened for it, once or more often, and shows what happens as the request says. */
export class ReportedRun {
  readonly #plan: Plan;
  readonly #request: ReportedRequest;
  readonly #sink: Sink;
  readonly #options: Pick<
    RunOptions,
    'executor' | 'clock' | 'signal' | 'skipRequirements' | 'forks' | 'playbook'
  >;
  readonly #record: Listener;
  readonly #view;

  constructor(plan: Plan, request: ReportedRequest, sink: Sink, { record, ...reach }: Reach) {
    this.#plan = plan;
    this.#record = record;
    this.#request = request;
    this.#sink = sink;
    const { skipRequirement: skipRequirements, forks } = request;
    this.#options = { ...reach, clock: systemClock, skipRequirements, forks };
    const { color, unicode } = terminalStyle();
    const { verbosity, diff: showDiff } = request;
    this.#view = { color, unicode, verbosity, showDiff, folder: process.cwd(), ruleOf: rulesOf(plan) };
  }

  /**
   * @param shown `summary`: the outcome as the result; `events`: what programs are told with `--output jsonl`. A run before the
   *   real one tells them only when it is the last.
   */
  async run(
    options: Pick<RunOptions, 'mode' | 'requirements' | 'lock' | 'salt' | 'expected'>,
    shown: { readonly summary: boolean; readonly events?: 'all' | 'on failure' } = { summary: true },
  ): Promise<ReportedResult> {
    const { output } = this.#request;
    const reporter = await createReporter({
      ...this.#view,
      sink: this.#sink,
      output: output === 'jsonl' ? 'jsonl' : 'human',
      live: output === 'human' && terminalStyle().movable,
      summary: shown.summary,
    });
    const isHeldBack = output === 'jsonl' && shown.events === 'on failure';
    const events: RunEvent[] = [];
    const listener = (event: RunEvent) => {
      events.push(event);
      this.#record(event);
      if (!isHeldBack) reporter.listener(event);
    };
    try {
      const result = await runPlan(this.#plan, { ...this.#options, ...options, listener });
      if (isHeldBack && result.exit !== 0) events.forEach(reporter.listener);
      return { ...result, events };
    } finally {
      await reporter.close();
    }
  }

  /** What a check found, for a person. */
  async showPlan(events: readonly RunEvent[]): Promise<void> {
    const view = { ...this.#view, color: this.#view.color.stdout };
    this.#sink.result(await renderPlan(events, view), 'own');
  }
}

/** Whether a check has found something that would change. */
export function hasPending({ hosts }: RunResult): boolean {
  return Object.values(hosts).some(({ wouldChange = 0 }) => wouldChange > 0);
}

export function stepEvents(events: readonly RunEvent[]): StepEvent[] {
  return events.filter((event) => event.event === 'step');
}

/** The rule of each requirement, for the table that shows what was asked and what was found. */
function rulesOf(plan: Plan): (host: string, step: string) => string | undefined {
  const rules = new Map<string, string>();
  for (const { host, steps } of plan.plays.flatMap((play) => play.hosts)) {
    for (const step of steps) if (step.type === 'requirement') rules.set(`${host} ${step.id}`, step.rule);
  }
  return (host, step) => rules.get(`${host} ${step}`);
}
