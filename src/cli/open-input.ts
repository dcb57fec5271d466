import type { Sink } from '../report/sink.ts';
import { askMissing } from './ask-missing.ts';
import { answerSecret } from './prompts.ts';
import { readInput, type Input } from './read-input.ts';
import { canAsk } from './terminal.ts';

/** What a command begins with. */
export interface OpenedInput {
  readonly input: Input;
  /** Whether a person is there who can be asked. */
  readonly mayAsk: boolean;
}

/**
 * How every command begins that goes on to the hosts: reads the input, asks for what it leaves open if somebody is there, and
 * tells its warnings. Contacts nothing.
 * @throws ProvisionError with every problem of the input; `NEED_INPUT` when values are missing and nobody can be asked
 */
export async function openInput(
  request: Parameters<typeof readInput>[0] & Parameters<typeof canAsk>[0],
  sink: Sink,
): Promise<OpenedInput> {
  const mayAsk = canAsk(request);
  const input = await readInput(
    request,
    mayAsk ? { missing: (...args) => askMissing(...args, sink), secret: answerSecret } : {},
  );
  for (const warning of input.warnings) sink.message(`warning: ${warning}`);
  return { input, mayAsk };
}
