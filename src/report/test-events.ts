import type { HostSummary, RunEvent, RunMode, StepEvent } from '../core/event.ts';

/** Events of runs as the engine tells them; for tests. */
const at = [
  { file: '/project/roles/nginx-tls.ts', line: 7, column: 5 },
  { file: '/project/rancher.ts', line: 10, column: 3 },
];

export function step(fields: Partial<StepEvent> = {}): StepEvent {
  return {
    event: 'step',
    host: 'lb-1',
    play: 'lb',
    step: 'file /etc/nginx/nginx.conf',
    status: 'ok',
    ms: 12,
    at,
    ...fields,
  };
}

export function start(hosts: Record<string, string[]>, mode: RunMode = 'apply'): RunEvent {
  const list = Object.entries(hosts).map(([host, steps]) => ({ host, steps }));
  return { event: 'start', schema: '1.0', mode, plays: [{ name: 'lb', hosts: list }] };
}

export function summaryOf(
  hosts: Record<string, Partial<HostSummary>>,
  fields: Partial<RunEvent & { event: 'summary' }> = {},
): RunEvent & { event: 'summary' } {
  const none = { ok: 0, changed: 0, failed: 0, skipped: 0 };
  const full = Object.entries(hosts).map(([name, counts]) => [name, { ...none, ...counts }]);
  return {
    event: 'summary',
    mode: 'apply',
    hosts: Object.fromEntries(full) as Record<string, HostSummary>,
    exit: 0,
    ms: 80_000,
    notes: [],
    ...fields,
  };
}

export const failure = step({
  step: 'file set /etc/nginx',
  status: 'failed',
  ms: 2100,
  problems: [
    {
      code: 'VALIDATION_FAILED',
      happened: 'nginx refuses the new configuration',
      hostState: 'the old one still serves',
      remedy: 'mend the template and run again',
      detail: 'nginx: [emerg] unknown directive "sssl"\r\nin /etc/nginx/nginx.conf:12\r\n',
    },
  ],
});
