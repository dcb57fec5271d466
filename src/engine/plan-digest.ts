import { createHash } from 'node:crypto';
import type { HostPlan, Plan } from '../core/plan.ts';
import type { Step } from '../core/step.ts';

/**
 * SHA-256 of what a plan does, in lower-case hex: the same wherever it was made of the same inventory and playbook. Of a
 * secret only its name counts, so that the digest may be shown; functions do not count.
 * @example
 * planDigest(createPlan(playbook, resolved)) === planDigest(plan);
 */
export function planDigest(plan: Plan): string {
  const hash = createHash('sha256');
  for (const { hosts, ...play } of plan.plays) {
    hash.update(`${JSON.stringify(play)}\n`);
    for (const host of hosts) hash.update(`${JSON.stringify(essence(host), plainData)}\n`);
  }
  return hash.digest('hex');
}

function essence({ host, steps, gate = [], leftOut = {}, notes }: HostPlan): unknown {
  return [host, notes, leftOut, steps.map(withoutPlace), gate.map(withoutPlace)];
}

/** Where a playbook lies says nothing of what it does. */
function withoutPlace({ at: _at, ...step }: Step): unknown {
  return step;
}

/** What JSON would lose, or make huge. */
function plainData(this: unknown, key: string, value: unknown): unknown {
  const original = (this as Record<string, unknown>)[key];
  if (original instanceof Uint8Array) return createHash('sha256').update(original).digest('hex');
  if (original instanceof Map || original instanceof Set) return [...original];
  return typeof value === 'bigint' ? String(value) : value;
}
