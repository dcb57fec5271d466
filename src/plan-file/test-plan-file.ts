import type { PlanFile, PlannedStep } from './plan-file.ts';

/** Plans as the command line writes them; for tests. */
export function planFile(fields: Partial<PlanFile> = {}): PlanFile {
  return {
    version: 1,
    made: '2026-05-01T10:00:00.000Z',
    provision: '0.1.0',
    inventory: 'inventory.yaml',
    salt: '0123456789abcdef0123456789abcdef',
    input: hashOf('input'),
    options: { limit: [], only: [], skip: [], tags: [], skipTags: [], skipRequirement: [] },
    plays: [{ name: 'web', hosts: [{ host: 'web-1', steps: [plannedStep(), okStep] }] }],
    ...fields,
  };
}

export function plannedStep(fields: Partial<PlannedStep> = {}): PlannedStep {
  return {
    id: 'file /etc/motd',
    at: [{ file: '/project/web.ts', line: 7, column: 5 }],
    status: 'would-change',
    want: hashOf('motd'),
    precondition: hashOf('old motd'),
    changes: [{ type: 'value', path: 'mode', have: '0600', want: '0644' }],
    effects: [{ type: 'reload', what: 'nginx' }],
    ...fields,
  };
}

const okStep = plannedStep({ id: 'package nginx', status: 'ok', changes: [], effects: [] });

/** Stands for a keyed hash. */
export function hashOf(text: string): string {
  return Buffer.from(text).toString('hex').padEnd(64, '0').slice(0, 64);
}
