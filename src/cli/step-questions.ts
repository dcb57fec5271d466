import { ProvisionError } from '../core/errors.ts';
import type { StepEvent } from '../core/event.ts';
import type { ConfirmChange } from '../engine/ask-first.ts';
import { renderStep } from '../report/report.ts';
import type { Sink } from '../report/sink.ts';
import { terminalStyle } from './terminal.ts';
import type { RunRequest } from './program/run.ts';
import { answerKey, Interrupted } from './prompts.ts';

const answers = [
  { key: 'y', value: 'yes', title: 'yes, make this change' },
  { key: 'n', value: 'no', title: 'no, leave this as it is, and go on' },
  { key: 'a', value: 'all', title: 'all: yes to this and all that follow' },
  { key: 'q', value: 'quit', title: 'quit: make no other change' },
] as const;

/**
 * The questions of `--step`: shows what a step would change, and asks for each.
 * @param stop ends the run as an interrupt does
 * @param ask for tests
 */
export function stepQuestions(
  sink: Sink,
  stop: () => void,
  ask: typeof answerKey = answerKey,
): ConfirmChange {
  let isAgreed = false;
  return async (host, { id, at }, changes) => {
    if (isAgreed) return true;
    const event: StepEvent = {
      event: 'step',
      host,
      play: '',
      step: id,
      status: 'would-change',
      ms: 0,
      at,
      changes,
    };
    const { color, unicode } = terminalStyle();
    const view = { color: color.stderr, unicode, showDiff: true, folder: process.cwd() };
    sink.message(await renderStep(event, view), 'own');
    await sink.flush();
    const answer = await ask(`Make this change on ${host}?`, answers, 'n').catch((error: unknown) => {
      if (error instanceof Interrupted) return 'quit';
      throw error;
    });
    if (answer === 'quit') stop();
    isAgreed = answer === 'all';
    return answer === 'yes' || answer === 'all';
  };
}

/**
 * Refuses `--step` where nobody can answer.
 * @throws ProvisionError `USAGE` or `NEED_INPUT`
 */
export function refuseUnasked({ step, output }: RunRequest, mayAsk: boolean): void {
  if (!step) return;
  if (output === 'jsonl') {
    const happened = 'option --step cannot be used with --output jsonl: its questions are for people';
    throw new ProvisionError({ code: 'USAGE', happened, remedy: 'leave one of them out' });
  }
  if (mayAsk) return;
  throw new ProvisionError({
    code: 'NEED_INPUT',
    happened: 'with --step each change is asked for, and there is nobody to ask',
    hostState: 'nothing was contacted',
    remedy:
      'run it at a terminal, without --no-input, --output lines and CI; or choose steps with --only and --skip',
  });
}
