import type { Listener, RunEvent } from '../../core/event.ts';
import type { Plan } from '../../core/plan.ts';
import { systemClock } from '../../engine/clock.ts';
import { runPlan, type RunOptions, type RunResult } from '../../engine/run-plan.ts';
import { planTotal } from '../../report/plan-view.ts';
import { createReporter, renderPlan } from '../../report/report.ts';
import type { Sink } from '../../report/sink.ts';
import { askMissing } from '../ask-missing.ts';
import { canAsk, terminalStyle } from '../outside.ts';
import type { RunRequest } from '../program/run.ts';
import { answerConfirm, answerSecret } from '../prompts.ts';
import { readInput } from '../read-input.ts';
import { withHosts, type Reach } from '../with-hosts.ts';

/**
 * Plans, shows, asks and applies.
 * @returns the exit code
 */
export async function runCommand(request: RunRequest, sink: Sink): Promise<number> {
  const mayAsk = canAsk(request);
  const input = await readInput(
    { ...request, readOnly: request.check },
    mayAsk ? { missing: (...args) => askMissing(...args, sink), secret: answerSecret } : {},
  );
  for (const warning of input.warnings) sink.message(`warning: ${warning}`);
  return withHosts(request, input, { sink, mayAsk }, async (reach) => {
    const session = new RunSession(input.plan, request, sink, reach);
    return mayAsk && !request.check && !request.yes ? session.askedRun() : session.plainRun();
  });
}

class RunSession {
  readonly #plan: Plan;
  readonly #request: RunRequest;
  readonly #sink: Sink;
  readonly #options: Pick<RunOptions, 'executor' | 'clock' | 'signal' | 'skipRequirements' | 'forks'>;
  readonly #record: Listener;
  readonly #view;

  constructor(plan: Plan, request: RunRequest, sink: Sink, { record, ...reach }: Reach) {
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

  /** Without a question: a check, an unattended run, or one with `--yes`. */
  async plainRun(): Promise<number> {
    const mode = this.#request.check ? 'check' : 'apply';
    const { exit, hosts } = await this.#run({ mode }, { summary: true });
    const pending = Object.values(hosts).some(({ wouldChange = 0 }) => wouldChange > 0);
    return exit === 0 && pending && this.#request.detailedExitcode ? 20 : exit;
  }

  /** Shows what would change, and applies it after a yes. */
  async askedRun(): Promise<number> {
    const events: RunEvent[] = [];
    const checked = await this.#run({ mode: 'check' }, { summary: false, events });
    const view = { ...this.#view, color: this.#view.color.stdout };
    this.#sink.result(await renderPlan(events, view), 'own');
    if (checked.exit !== 0 || this.#options.signal.aborted) {
      this.#sink.result('nothing was changed');
      return checked.exit;
    }
    const pending = Object.values(checked.hosts).some(({ wouldChange = 0 }) => wouldChange > 0);
    if (!pending) return 0;
    const steps = events.filter((event) => event.event === 'step');
    if (!(await answerConfirm(`Apply this? ${planTotal(steps)}`))) {
      this.#sink.result('nothing was changed');
      return 0;
    }
    return (await this.#run({ mode: 'apply', requirements: false }, { summary: true })).exit;
  }

  async #run(
    options: Pick<RunOptions, 'mode' | 'requirements'>,
    { summary, events = [] }: { summary: boolean; events?: RunEvent[] },
  ): Promise<RunResult> {
    const { output } = this.#request;
    const reporter = await createReporter({
      ...this.#view,
      sink: this.#sink,
      output: output === 'jsonl' ? 'jsonl' : 'human',
      live: output === 'human' && terminalStyle().movable,
      summary,
    });
    const listener = (event: RunEvent) => {
      events.push(event);
      this.#record(event);
      reporter.listener(event);
    };
    try {
      return await runPlan(this.#plan, { ...this.#options, ...options, listener });
    } finally {
      await reporter.close();
    }
  }
}

/** The rule of each requirement, for the table that shows what was asked and what was found. */
function rulesOf(plan: Plan): (host: string, step: string) => string | undefined {
  const rules = new Map<string, string>();
  for (const { host, steps } of plan.plays.flatMap((play) => play.hosts)) {
    for (const step of steps) if (step.type === 'requirement') rules.set(`${host} ${step.id}`, step.rule);
  }
  return (host, step) => rules.get(`${host} ${step}`);
}
