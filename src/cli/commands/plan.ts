import { randomBytes } from 'node:crypto';
import type { Plan } from '../../core/plan.ts';
import { Seal } from '../../engine/seal.ts';
import { plannedPlays } from '../../plan-file/make-plan-file.ts';
import type { PlanFile } from '../../plan-file/plan-file.ts';
import { checkPlanPlace, writePlanFile } from '../../plan-file/write-plan-file.ts';
import type { Sink } from '../../report/sink.ts';
import { openInput } from '../open-input.ts';
import { inputHash, planFileTools } from '../plan-file-tools.ts';
import type { PlanRequest } from '../program/plan.ts';
import type { Input } from '../read-input.ts';
import { hasPending, ReportedRun, stepEvents, type ReportedResult } from '../reported-run.ts';
import { version } from '../version.ts';
import { withHosts } from '../with-hosts.ts';

/**
 * Reads all hosts, shows what would change, and writes it down to be applied later.
 * @returns the exit code
 */
export async function planCommand(request: PlanRequest, sink: Sink): Promise<number> {
  const { out, detailedExitcode } = request;
  if (out !== undefined) await checkPlanPlace(out);
  // What a plan is made of must still be there when it is applied, also a private CA that is made for it.
  const { input, mayAsk } = await openInput({ ...request, readOnly: out === undefined }, sink);
  return withHosts(request, input, { sink, mayAsk }, async (reach) => {
    const salt = randomBytes(16).toString('hex');
    const run = new ReportedRun(input.plan, request, sink, reach);
    const result = await run.run({ mode: 'check', ...(out !== undefined && { salt }) });
    if (result.exit !== 0 || reach.signal.aborted) {
      if (out !== undefined) sink.message('no plan was written: it would not be whole');
      return result.exit;
    }
    if (out !== undefined) {
      await writePlanFile(out, await planFileOf(request, input, salt, result));
      const words = [
        out,
        ...(request.playbook === undefined ? [] : [request.playbook]),
        '-i',
        request.inventory,
      ];
      sink.message(`the plan is in ${out}; apply it with: provision apply ${words.join(' ')}`);
    }
    return hasPending(result) && detailedExitcode ? 20 : 0;
  });
}

async function planFileOf(
  request: PlanRequest,
  input: Input,
  salt: string,
  { events }: ReportedResult,
): Promise<PlanFile> {
  const { inventory, playbook } = request;
  const { plan } = input;
  const seal = new Seal(plan, salt);
  return {
    version: 1,
    made: new Date().toISOString(),
    provision: version,
    inventory,
    ...(playbook !== undefined && { playbook }),
    salt,
    input: await inputHash(input, seal),
    options: choicesOf(request, input.whole),
    plays: await plannedPlays(plan, stepEvents(events), planFileTools(seal)),
  };
}

/** Hosts by name: what a pattern such as `@failed` means may be another when the plan is applied. */
function choicesOf(request: PlanRequest, whole: Plan): PlanFile['options'] {
  const {
    limit,
    exclude,
    only = [],
    skip = [],
    startAt,
    tags = [],
    skipTags = [],
    skipRequirement,
    slice,
  } = request;
  const isChosen = limit.length > 0 || exclude.length > 0;
  const hosts = whole.plays.flatMap((play) => play.hosts.map(({ host }) => host));
  return {
    limit: isChosen ? [...new Set(hosts)] : [],
    only,
    skip,
    ...(startAt !== undefined && { startAt }),
    tags,
    skipTags,
    skipRequirement,
    ...(slice && { slice: `${slice.index}/${slice.of}` }),
  };
}
