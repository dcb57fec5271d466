import type { ProvisionResult } from '../support/provision.ts';
import { fates, type Member } from './fates.ts';

const converged = 'converged';

/** What a run said of each host: that it converged, or the codes of its problems. */
export function verdictsOf(result: ProvisionResult): Record<string, string> {
  const codes = new Map<string, Set<string>>();
  for (const { host, problems = [] } of result.steps)
    for (const { code } of problems) codes.set(host, (codes.get(host) ?? new Set()).add(code));
  return Object.fromEntries(
    Object.entries(result.summary?.hosts ?? {}).map(([name, { failed, skipped }]) => [
      name,
      failed + skipped === 0 ? converged : [...(codes.get(name) ?? ['no reason'])].join(),
    ]),
  );
}

/** What it has to say. */
export function rightVerdicts(members: readonly Member[]): Record<string, string> {
  return Object.fromEntries(
    members.map(({ name, fate }) => [name, fate === 'well' ? converged : fates[fate]]),
  );
}
