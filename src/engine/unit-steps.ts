import { ProvisionError } from '../core/errors.ts';
import type { Plan } from '../core/plan.ts';
import type { Step } from '../core/step.ts';
import type { WorkUnit } from './executor.ts';

/**
 * The steps of a unit, in order. The requirements of a host are those of all its plays, each once.
 * @throws ProvisionError `BUG` when the plan has no such unit
 */
export function stepsOf(plan: Plan, unit: WorkUnit): readonly Step[] {
  if (unit.phase.type !== 'requirements') {
    const own = plan.plays[unit.phase.index]?.hosts.find(({ host }) => host === unit.host);
    if (!own)
      throw new ProvisionError({ code: 'BUG', happened: `the plan has no unit of work ${unit.unitId}` });
    if (unit.phase.type === 'gate') return own.gate ?? [];
    return own.steps.filter((step) => step.type !== 'requirement');
  }
  const all = plan.plays
    .flatMap((play) => play.hosts.filter(({ host }) => host === unit.host))
    .flatMap((own) => own.steps);
  const requirements = all.filter((step) => step.type === 'requirement');
  return [...new Map(requirements.map((step) => [step.id, step])).values()];
}
