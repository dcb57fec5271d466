import type { Listener, RunEvent, StepEvent } from '../core/event.ts';
import { cleanEvent } from './clean-event.ts';
import { createView } from './create-view.ts';
import { eventLines } from './event-lines.ts';
import { createJsonLines } from './jsonl.ts';
import { createLinesView, type ProgressView } from './lines.ts';
import { createLiveView } from './live.ts';
import { planView } from './plan-view.ts';
import type { RuleOf } from './requirement-table.ts';
import { RunProgress } from './run-progress.ts';
import type { Sink } from './sink.ts';
import { summary } from './summary.ts';
import type { View } from './view.ts';

export interface ReportOptions {
  readonly sink: Sink;
  /** `human`: progress on stderr, the result on stdout. `jsonl`: every event as a line of JSON on stdout. */
  readonly output: 'human' | 'jsonl';
  /** A live view instead of lines; only for a terminal that can move its cursor. */
  readonly live: boolean;
  readonly color: { readonly stdout: boolean; readonly stderr: boolean };
  /** Whether the terminal shows UTF-8. */
  readonly unicode: boolean;
  /** -1: problems and warnings only; 0: changes too; 1 and more: every step. */
  readonly verbosity: number;
  /** Texts that change as a unified diff. */
  readonly showDiff: boolean;
  /** Files inside this folder are shown relative to it. */
  readonly folder?: string;
  readonly ruleOf?: RuleOf;
  /** False when the caller shows the outcome itself, as the plan before the question. Default true. */
  readonly summary?: boolean;
}

export interface Reporter {
  readonly listener: Listener;
  /** Call it on every way out: takes the live view off the terminal and waits until everything is written. */
  close(): Promise<void>;
}

/**
 * Turns the events of a run into what people or programs see.
 * @example
 * const reporter = await createReporter({ sink, output: 'human', live: true, color, unicode: true, verbosity: 0, showDiff: false });
 * await runPlan(plan, { …, listener: reporter.listener });
 * await reporter.close();
 */
export async function createReporter(options: ReportOptions): Promise<Reporter> {
  const { sink } = options;
  if (options.output === 'jsonl') return { listener: createJsonLines(sink), close: () => sink.flush() };
  const progress = new RunProgress();
  const onStderr = await createView(options, options.color.stderr);
  const onStdout = await createView(options, options.color.stdout);
  const view = await (options.live ? createLiveView : createLinesView)(sink, onStderr, progress);
  const steps: StepEvent[] = [];
  const take = (event: RunEvent) => {
    progress.apply(event, performance.now());
    if (event.event === 'step') steps.push(event);
    view.show(event);
    if (event.event === 'summary' && (options.summary ?? true)) {
      sink.result(outcome(event, steps, { ...onStdout, ruleOf: options.ruleOf }).join('\n'), 'own');
    }
  };
  return {
    listener: guarded((event) => take(cleanEvent(event, options.unicode)), sink),
    close: async () => closeAll(view, sink),
  };
}

/**
 * What a check found, for showing it before the question whether to apply it.
 * @param events as the listener got them
 */
export async function renderPlan(
  events: readonly RunEvent[],
  options: Pick<ReportOptions, 'unicode' | 'verbosity' | 'showDiff' | 'folder' | 'ruleOf'> & {
    color: boolean;
  },
): Promise<string> {
  const view = await createView(options, options.color);
  const steps = events.flatMap((event) =>
    event.event === 'step' ? [cleanEvent(event, options.unicode)] : [],
  );
  return planView(steps, { ...view, ruleOf: options.ruleOf }).join('\n');
}

/** One step of a check with all its changes, for showing it before the question whether to make them. */
export async function renderStep(
  event: StepEvent,
  options: Pick<ReportOptions, 'unicode' | 'showDiff' | 'folder'> & { color: boolean },
): Promise<string> {
  const view = await createView({ ...options, verbosity: 1 }, options.color);
  return eventLines(cleanEvent(event, options.unicode), view).join('\n');
}

function outcome(
  event: RunEvent & { readonly event: 'summary' },
  steps: readonly StepEvent[],
  view: View & { readonly ruleOf: RuleOf | undefined },
): string[] {
  const plan = event.mode === 'check' && view.verbosity >= 0 ? planView(steps, view) : [];
  return [...(plan.length > 0 ? [...plan, ''] : []), ...summary(event, steps, view)];
}

/** A defect of a view must not end the run half way: the hosts matter more than the picture of them. */
function guarded(listener: Listener, sink: Sink): Listener {
  let hasComplained = false;
  return (event) => {
    try {
      listener(event);
    } catch (error) {
      if (!hasComplained) sink.message(`BUG: an event of the run could not be shown: ${String(error)}`);
      hasComplained = true;
    }
  };
}

async function closeAll(view: ProgressView, sink: Sink): Promise<void> {
  await view.close();
  await sink.flush();
}
