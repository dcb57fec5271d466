import type { Seal } from '../engine/seal.ts';
import type { PlanFileTools } from '../plan-file/make-plan-file.ts';
import { mapTexts } from '../report/map-texts.ts';
import { maskText } from '../report/mask.ts';
import type { Input } from './read-input.ts';

/** How the plan of a run is made, whether it is written or compared with a written one. */
export function planFileTools(seal: Seal): PlanFileTools {
  return { hash: (want) => seal.ofWant(want), mask: (value) => mapTexts(value, maskText) };
}

/** Hash of what shapes a run beside its steps: all values of the inventory, and how the plays go from host to host. */
export function inputHash({ plan, resolved }: Input, seal: Seal): Promise<string> {
  const plays = plan.plays.map(({ hosts, ...play }) => ({
    ...play,
    gates: hosts.map(({ gate = [] }) => gate.map(({ id, timeoutMs }) => ({ id, timeoutMs }))),
  }));
  return seal.ofInput({ resolved, plays });
}
