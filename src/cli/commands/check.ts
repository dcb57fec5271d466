import { ProvisionError, throwProblems } from '../../core/errors.ts';
import type { Sink } from '../../report/sink.ts';
import { answerSecret } from '../prompts.ts';
import type { CheckRequest } from '../program/check.ts';
import { readInput } from '../read-input.ts';
import { startTypeCheck } from '../start-type-check.ts';

/**
 * Reads and checks all input, and tells what a run would consist of; contacts nothing.
 * @returns the exit code
 */
export async function checkCommand(request: CheckRequest, sink: Sink, mayAsk: boolean): Promise<number> {
  // Beside the reading, which takes as long.
  const types = request.playbook === undefined ? undefined : startTypeCheck(request.playbook);
  const reading = readInput({ ...request, readOnly: true }, mayAsk ? { secret: answerSecret } : {});
  const unread = await reading.then(
    () => [],
    (error: unknown) => {
      if (error instanceof ProvisionError) return error.problems;
      throw error;
    },
  );
  throwProblems([...unread, ...((await types) ?? [])]);
  const { plan, warnings } = await reading;
  for (const warning of warnings) sink.message(`warning: ${warning}`);
  if (request.playbook !== undefined && !types)
    sink.message(
      'types were not checked: no tsconfig.json with a typescript beside it was found above the playbook',
    );
  for (const play of plan.plays) {
    for (const { host, steps, leftOut = {} } of play.hosts) {
      const kept = steps.filter(({ id }) => leftOut[id] === undefined);
      const without = kept.length < steps.length ? `, ${steps.length - kept.length} left out` : '';
      sink.result(`${play.name} ${host}: ${kept.length} steps${without}`);
      for (const { id, tags } of kept) sink.result(tags ? `  ${id}  (${tags.join(', ')})` : `  ${id}`);
    }
  }
  return 0;
}
