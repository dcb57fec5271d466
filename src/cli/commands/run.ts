import { planTotal } from '../../report/plan-view.ts';
import type { Sink } from '../../report/sink.ts';
import { openInput } from '../open-input.ts';
import { canAsk } from '../terminal.ts';
import type { RunRequest } from '../program/run.ts';
import { answerConfirm } from '../prompts.ts';
import { hasPending, ReportedRun, stepEvents } from '../reported-run.ts';
import { refuseUnasked, stepQuestions } from '../step-questions.ts';
import { withHosts } from '../with-hosts.ts';

/**
 * Plans, shows, asks and applies.
 * @returns the exit code
 */
export async function runCommand(request: RunRequest, sink: Sink): Promise<number> {
  refuseUnasked(request, canAsk(request));
  const { input, mayAsk } = await openInput({ ...request, readOnly: request.check }, sink);
  const confirm = (stop: () => void) => stepQuestions(sink, stop);
  const ask = { sink, mayAsk, ...(request.step && { confirm }) };
  return withHosts(request, input, ask, async (reach) => {
    // Questions need a quiet terminal, and one thing at a time to be about.
    const shape = request.step ? { ...request, output: 'lines' as const, forks: 1 } : request;
    const run = new ReportedRun(input.plan, shape, sink, reach);
    return mayAsk && !request.check && !request.yes && !request.step
      ? askedRun(run, sink, reach.signal)
      : plainRun(run, request);
  });
}

/** Without a question: a check, an unattended run, or one with `--yes`. */
async function plainRun(run: ReportedRun, { check, detailedExitcode }: RunRequest): Promise<number> {
  const result = await run.run({ mode: check ? 'check' : 'apply' });
  return result.exit === 0 && hasPending(result) && detailedExitcode ? 20 : result.exit;
}

/** Shows what would change, and applies it after a yes. */
async function askedRun(run: ReportedRun, sink: Sink, signal: AbortSignal): Promise<number> {
  const checked = await run.run({ mode: 'check' }, { summary: false });
  await run.showPlan(checked.events);
  if (checked.exit !== 0 || signal.aborted) {
    sink.result('nothing was changed');
    return checked.exit;
  }
  if (!hasPending(checked)) return 0;
  if (!(await answerConfirm(`Apply this? ${planTotal(stepEvents(checked.events))}`))) {
    sink.result('nothing was changed');
    return 0;
  }
  return (await run.run({ mode: 'apply', requirements: false })).exit;
}
