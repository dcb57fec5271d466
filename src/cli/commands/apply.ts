import { ProvisionError, throwProblems } from '../../core/errors.ts';
import { parseSlice } from '../../core/slice-plan.ts';
import { expectedSteps, type ExpectedStep } from '../../engine/plan-guard.ts';
import { Seal } from '../../engine/seal.ts';
import { movedSteps, otherInput } from '../../plan-file/compare-plans.ts';
import { plannedPlays } from '../../plan-file/make-plan-file.ts';
import type { PlanFile, PlannedPlay } from '../../plan-file/plan-file.ts';
import { readPlanFile } from '../../plan-file/read-plan-file.ts';
import { formatDuration } from '../../report/duration.ts';
import type { Sink } from '../../report/sink.ts';
import { openInput } from '../open-input.ts';
import { inputHash, planFileTools } from '../plan-file-tools.ts';
import type { ApplyRequest } from '../program/apply.ts';
import type { Input } from '../read-input.ts';
import { ReportedRun, stepEvents } from '../reported-run.ts';
import { version } from '../version.ts';
import { withHosts, type Reach } from '../with-hosts.ts';

/**
 * Applies a plan: reads the input anew, locks all hosts and reads them, refuses everything that has moved at once, and then
 * does what the plan shows. Nothing is asked: the plan was the question.
 * @returns the exit code
 */
export async function applyCommand(given: ApplyRequest, sink: Sink): Promise<number> {
  const file = await readPlanFile(given.plan);
  const { slice, ...choices } = file.options;
  const request = { ...given, ...choices };
  sink.message(storyOf(file));
  refuseOtherVersion(file);
  const { input, mayAsk } = await openInput(
    { ...request, readOnly: true, slice: slice === undefined ? undefined : parseSlice(slice) },
    sink,
  );
  const seal = new Seal(input.plan, file.salt);
  await refuseOtherInput(file, input, seal);
  return withHosts(request, input, { sink, mayAsk }, (reach) =>
    new Application(file, input, seal).run(request, sink, reach),
  );
}

/** One plan file on its way to the hosts. */
class Application {
  readonly #file: PlanFile;
  readonly #input: Input;
  readonly #seal: Seal;

  constructor(file: PlanFile, input: Input, seal: Seal) {
    this.#file = file;
    this.#input = input;
    this.#seal = seal;
  }

  async run(
    request: ApplyRequest & Omit<PlanFile['options'], 'slice'>,
    sink: Sink,
    reach: Reach,
  ): Promise<number> {
    const { salt, plays } = this.#file;
    const run = new ReportedRun(this.#input.plan, request, sink, reach);
    // Locked first: what is compared is then what is changed.
    const checked = await run.run(
      { mode: 'check', lock: true, salt },
      { summary: false, events: 'on failure' },
    );
    if (checked.exit !== 0 || reach.signal.aborted) {
      sink.message('nothing was changed: not all hosts could be read again');
      return checked.exit;
    }
    const steps = stepEvents(checked.events);
    const tools = planFileTools(this.#seal);
    throwProblems(movedSteps(plays, await plannedPlays(this.#input.plan, steps, tools)));
    // Held to what has just been read: it is what the plan shows, with nothing masked.
    const found = await plannedPlays(this.#input.plan, steps, { ...tools, mask: (value) => value });
    const expected = await this.#expectations(found);
    return (await run.run({ mode: 'apply', requirements: false, salt, expected })).exit;
  }

  async #expectations(
    plays: readonly PlannedPlay[],
  ): Promise<(play: number, host: string) => readonly ExpectedStep[]> {
    const byPlay = await Promise.all(
      plays.map(async ({ hosts }) => {
        const own = hosts.map(
          async ({ host, steps }) => [host, await expectedSteps(steps, this.#seal)] as const,
        );
        return new Map(await Promise.all(own));
      }),
    );
    return (play, host) => byPlay[play]?.get(host) ?? [];
  }
}

/** `a plan of 2026-05-01T10:00:00Z, 3h old`. */
function storyOf({ made, inventory }: PlanFile): string {
  const age = Date.now() - Date.parse(made);
  const old = age < 0 ? 'from the future, by the clock of this machine' : `${formatDuration(age)} old`;
  return `a plan of ${made} for ${inventory}, ${old}`;
}

function refuseOtherVersion({ provision }: PlanFile): void {
  if (provision === version) return;
  throw new ProvisionError({
    code: 'STALE_PLAN',
    happened: `the plan was made by provision ${provision}, and this is ${version}`,
    hostState: 'nothing was contacted',
    remedy: 'make it again with this version, or apply it with that one',
  });
}

async function refuseOtherInput(file: PlanFile, input: Input, seal: Seal): Promise<void> {
  throwProblems(otherInput(file.plays, await plannedPlays(input.plan, [], planFileTools(seal))));
  if ((await inputHash(input, seal)) === file.input) return;
  throw new ProvisionError({
    code: 'STALE_PLAN',
    happened:
      'a value of the inventory, or how a play goes from host to host, is another than when the plan was made, though no step shows it',
    hostState: 'nothing was contacted',
    remedy: 'make a new plan, or go back to the input of this one',
  });
}
