import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunEvent } from '../core/event.ts';
import { Secret } from '../core/secret.ts';
import { createReporter, renderPlan, type ReportOptions } from './report.ts';
import { renderProblems } from './render-problems.ts';
import { failure, start, step, summaryOf } from './test-events.ts';
import { recordingSink } from './test-streams.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const plain = {
  live: false,
  color: { stdout: false, stderr: false },
  unicode: true,
  verbosity: 0,
  showDiff: false,
  folder: '/project',
} as const;

async function run(
  events: RunEvent[],
  options: Partial<ReportOptions> = {},
): Promise<{ out: string; err: string }> {
  const { sink, stdout, stderr } = recordingSink();
  const reporter = await createReporter({ sink, output: 'human', ...plain, ...options });
  events.forEach(reporter.listener);
  await reporter.close();
  return { out: stdout.written, err: stderr.written };
}

const changed = step({
  status: 'changed',
  ms: 120,
  changes: [{ type: 'value', path: 'mode', have: '0644', want: '0600' }],
});

describe('plain lines', () => {
  it('tell what changed, failed or warns, requirements and phases; not what is as wanted', async () => {
    const { err } = await run([
      start({ 'lb-1': ['a', 'b'], 'lb-2': ['a'] }),
      { event: 'phase', name: 'requirements', hosts: ['lb-1', 'lb-2'] },
      step({ step: 'requirement cpu', figure: '4 CPUs' }),
      step({ step: 'requirement memory', figure: '3 GB', warning: '3 GB; the rule: 4 GB; add memory' }),
      { event: 'phase', name: 'lb', hosts: ['lb-1', 'lb-2'] },
      step(),
      { event: 'step-start', host: 'lb-1', play: 'lb', step: 'x' },
      changed,
      step({ status: 'skipped', reason: 'this host failed before' }),
      { event: 'notice', level: 'warning', host: 'lb-1', text: 'the clock is off' },
      failure,
    ]);
    expect(err.split('\n')).toEqual([
      'Applying 3 steps on 2 hosts',
      'requirements: lb-1, lb-2',
      '✓ lb-1  requirement cpu  ok: 4 CPUs',
      '! lb-1  requirement memory  ok: 3 GB; the rule: 4 GB; add memory',
      'lb: lb-1, lb-2',
      '~ lb-1  file /etc/nginx/nginx.conf  changed (120ms)',
      '    mode: 0644 → 0600',
      '! lb-1  the clock is off',
      '✗ lb-1  file set /etc/nginx  failed (2.1s)',
      '  VALIDATION_FAILED lb-1 file set /etc/nginx — roles/nginx-tls.ts:7:5 < rancher.ts:10:3 — ' +
        'nginx refuses the new configuration; the old one still serves; mend the template and run again',
      '    │ nginx: [emerg] unknown directive "sssl"',
      '    │ in /etc/nginx/nginx.conf:12',
      '',
    ]);
  });

  it('count what will be done: no step that is left out, and a requirement once a host', async () => {
    const memory = 'requirement memory';
    const plays = [
      { name: 'one', hosts: [{ host: 'a', steps: [memory, 'x', 'y'], leftOut: ['y'] }] },
      {
        name: 'two',
        hosts: [
          { host: 'a', steps: [memory, 'x'] },
          { host: 'b', steps: [memory, 'x'], leftOut: [memory, 'x'] },
        ],
      },
    ];
    const { err } = await run([{ event: 'start', schema: '1.0', mode: 'apply', plays }]);
    expect(err).toBe('Applying 3 steps on 2 hosts\n');
  });

  it('tell every step at verbosity 1, and only trouble when quiet', async () => {
    const events = [
      start({ 'lb-1': ['a'] }),
      step(),
      step({ status: 'skipped', reason: 'not due' }),
      changed,
      failure,
    ];
    const loud = await run(events, { verbosity: 1 });
    expect(loud.err).toContain('✓ lb-1  file /etc/nginx/nginx.conf  ok\n');
    expect(loud.err).toContain('- lb-1  file /etc/nginx/nginx.conf  skipped: not due\n');
    const quiet = await run(events, { verbosity: -1 });
    expect(quiet.err).toMatch(/^✗ lb-1 {2}file set/);
  });

  it('show at most the last 20 lines of an output', async () => {
    const detail = Array.from({ length: 50 }, (_, index) => `line ${index}`).join('\n');
    const { err } = await run([
      step({ status: 'failed', problems: [{ code: 'COMMAND_FAILED', happened: 'x', detail }] }),
    ]);
    expect(err).toContain('    │ … 30 lines before\n    │ line 30\n');
    expect(err.trimEnd()).toMatch(/line 49$/);
  });

  it('say every 30 seconds of silence what is waited for', async () => {
    const { sink, stderr } = recordingSink();
    const reporter = await createReporter({ sink, output: 'human', ...plain });
    reporter.listener(start({ 'rancher-1': ['ready rancher'] }));
    reporter.listener({ event: 'step-start', host: 'rancher-1', play: 'lb', step: 'ready rancher' });
    reporter.listener({ event: 'progress', host: 'rancher-1', text: 'waiting for ready rancher: HTTP 502' });
    await vi.advanceTimersByTimeAsync(29_000);
    expect(stderr.written).not.toContain('…');
    await vi.advanceTimersByTimeAsync(1000);
    expect(stderr.written).toMatch(/… rancher-1 {2}ready rancher {2}since 30s: HTTP 502\n$/);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(stderr.written.match(/…/g)).toHaveLength(3);
    await reporter.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(stderr.written.match(/…/g)).toHaveLength(3);
  });

  it('do not let a host forge a line', async () => {
    const { err } = await run([step({ step: 'requirement cpu', figure: '1\n✓ lb-9  all is well\r' })]);
    expect(err).toBe('✓ lb-1  requirement cpu  ok: 1\\n✓ lb-9  all is well\\r\n');
  });
});

describe('the summary', () => {
  it('ends a success with the verdict and the notes of the playbook', async () => {
    const notes = ['Open https://rancher.example.com', 'Password:\n  docker logs rancher'];
    const { out } = await run([
      changed,
      summaryOf({ 'rancher-1': { ok: 8 }, 'lb-1': { ok: 11, changed: 1 } }, { notes }),
    ]);
    expect(out).toBe(
      [
        'host       ok  changed  failed  skipped',
        'rancher-1   8        0       0        0',
        'lb-1       11        1       0        0',
        '',
        'Changed',
        '  ~ file /etc/nginx/nginx.conf  lb-1',
        '',
        '✓ Done: 1 change on 2 hosts in 1m20s',
        '',
        'Open https://rancher.example.com',
        'Password:',
        '  docker logs rancher',
        '',
      ].join('\n'),
    );
  });

  it('says that nothing had to change', async () => {
    const { out } = await run([summaryOf({ 'lb-1': { ok: 3 } }, { ms: 900 })]);
    expect(out).toMatch(/\n✓ Nothing to change: 1 host as wanted in 900ms\n$/);
  });

  it('calls nothing as wanted that a person has refused', async () => {
    const reason = 'not agreed to (--step)';
    const refused = step({ status: 'skipped', reason });
    const { out } = await run([refused, summaryOf({ 'lb-1': { ok: 3, skipped: 1 } }, { ms: 900 })]);
    expect(out).toMatch(/\n✓ Nothing was changed on 1 host, 1 step skipped in 900ms\n$/);
    const overridden = step({ status: 'skipped', step: 'requirement memory', reason: 'overridden' });
    const { out: met } = await run([overridden, summaryOf({ 'lb-1': { ok: 3, skipped: 1 } }, { ms: 900 })]);
    expect(met).toMatch(/\n✓ Nothing to change: 1 host as wanted in 900ms\n$/);
  });

  it('says what failed, what was left out and why, and what to do; no notes then', async () => {
    const reason = '"file set /etc/nginx" failed before';
    const { out } = await run([
      failure,
      { ...failure, host: 'lb-2' },
      step({ status: 'skipped', reason }),
      step({
        host: 'gone',
        step: 'connect',
        status: 'failed',
        problems: [{ code: 'CONN_REFUSED', happened: 'refused' }],
      }),
      summaryOf(
        { 'lb-1': { failed: 1, skipped: 1 }, 'lb-2': { failed: 1 }, gone: { failed: 1 } },
        { exit: 6, notes: ['secret plans'] },
      ),
    ]);
    expect(out.split('\n').slice(5)).toEqual([
      'Failed',
      '  ✗ lb-1, lb-2  file set /etc/nginx — VALIDATION_FAILED: nginx refuses the new configuration; mend the template and run again',
      '  ✗ gone  connect — CONN_REFUSED: refused',
      '',
      'Skipped',
      `  - 1 step on lb-1: ${reason}`,
      '',
      '✗ Of 3 hosts 2 failed and 1 could not be reached (lb-1, lb-2, gone) after 1m20s (exit code 6); mend it and run again: what is done stays done',
      '',
    ]);
  });

  it('says of an interrupted run what is not finished', async () => {
    const { out } = await run([
      summaryOf({ 'lb-1': { ok: 1, skipped: 2 }, 'lb-2': { ok: 3 } }, { exit: 130 }),
    ]);
    expect(out).toContain(
      '✗ Interrupted with 1 host not finished after 1m20s (exit code 130); run again to go on\n',
    );
  });

  it('lists of many hosts those with trouble first', async () => {
    const hosts = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`web-${i}`, { ok: 1, changed: i % 2 }]),
    );
    const { out } = await run([summaryOf({ ...hosts, 'web-190': { failed: 1 } }, { exit: 2 })]);
    expect(out.split('\n')[1]).toMatch(/^web-190 +0 +0 +1 +0$/);
    expect(out).toContain('180 more hosts, not listed\n');
  });

  it('is left out when the caller shows the outcome itself', async () => {
    expect((await run([summaryOf({ 'lb-1': {} })], { summary: false })).out).toBe('');
  });
});

describe('a check', () => {
  const pending = step({
    status: 'would-change',
    changes: [{ type: 'secret', path: 'content', have: 'absent' }],
  });
  const events: RunEvent[] = [
    start({ 'lb-1': ['a'], 'lb-2': ['a'] }, 'check'),
    step({ step: 'requirement cpu', figure: '4 CPUs' }),
    step({ step: 'requirement cpu', host: 'lb-2', figure: '4 CPUs' }),
    step({
      step: 'requirement memory',
      figure: '3 GB',
      warning: '3 GB; the rule: at least 4 GB; add memory',
    }),
    pending,
    { ...pending, host: 'lb-2' },
    step({ step: 'service nginx' }),
    step({ step: 'service nginx', host: 'lb-2' }),
  ];
  const plan = [
    'Requirements',
    '          requirement  hosts       figure  rule',
    '  ✓ pass  cpu          lb-1, lb-2  4 CPUs  at least 2 CPUs',
    '  ! WARN  memory       lb-1        3 GB    at least 4 GB; add memory',
    '',
    'Play lb',
    '  lb-1, lb-2: 1 would change, 1 as wanted',
    '    ~ file /etc/nginx/nginx.conf  roles/nginx-tls.ts:7:5',
    '        content is absent (secret)',
  ];
  const ruleOf = (_host: string, id: string) => (id === 'requirement cpu' ? 'at least 2 CPUs' : undefined);

  it('has the plan as its result: requirements with figure and rule, then what would change', async () => {
    const summary = summaryOf(
      { 'lb-1': { ok: 2, wouldChange: 1 }, 'lb-2': { ok: 2, wouldChange: 1 } },
      { mode: 'check' },
    );
    const { out } = await run([...events, summary], { ruleOf });
    expect(out.split('\n')).toEqual([
      ...plan,
      '',
      'host  ok  would change  failed  skipped',
      'lb-1   2             1       0        0',
      'lb-2   2             1       0        0',
      '',
      '✓ 2 changes would be made, none was: 2 hosts checked in 1m20s',
      '',
    ]);
  });

  it('shows of a requirement that is not met what to do', async () => {
    const unmet = step({
      step: 'requirement ports',
      status: 'failed',
      problems: [
        { code: 'REQUIREMENT', happened: '443 is taken by apache2; the rule: free ports', remedy: 'stop it' },
      ],
    });
    expect((await renderPlan([unmet], { ...plain, color: false })).split('\n').at(-1)).toBe(
      '  ✗ FAIL  ports        lb-1   443 is taken by apache2  free ports; stop it',
    );
  });

  it('can be shown before the question whether to apply it', async () => {
    expect(await renderPlan(events, { ...plain, color: false, ruleOf })).toBe(plan.join('\n'));
  });

  it('shows what a change entails', async () => {
    const restarting = { ...pending, effects: [{ type: 'restart', what: 'container rancher' }] } as const;
    const text = await renderPlan([restarting], { ...plain, color: false });
    expect(text).toContain('        content is absent (secret)\n        ! restarts container rancher');
  });

  it('shows where the hosts differ, and problems in full', async () => {
    const text = await renderPlan([pending, { ...failure, host: 'lb-2' }], { ...plain, color: false });
    expect(text).toContain('  lb-1: 1 would change\n');
    expect(text).toContain('  lb-2: 1 failed\n');
    expect(text).toContain('VALIDATION_FAILED lb-2 file set /etc/nginx — roles/nginx-tls.ts:7:5');
  });
});

describe('secrets', () => {
  const canary = new Secret('canary-4711', 'canary').reveal();
  const leaky: RunEvent[] = [
    start({ 'lb-1': [`file ${canary}`] }),
    step({
      step: `file ${canary}`,
      status: 'failed',
      figure: canary,
      warning: canary,
      changes: [
        { type: 'text', path: canary, have: `${canary}\n`, want: `x${canary}\n` },
        { type: 'value', path: 'x', want: { deep: [canary] } },
      ],
      problems: [
        { code: 'STEP_FAILED', happened: canary, remedy: canary, detail: canary, hostState: canary },
      ],
    }),
    step({
      step: 'b',
      status: 'changed',
      changes: [{ type: 'value', path: 'x', want: 'y'.repeat(115) + canary }],
    }),
    { event: 'progress', host: 'lb-1', text: canary },
    { event: 'notice', level: 'info', text: canary },
    summaryOf({ 'lb-1': { failed: 1 } }, { notes: [canary] }),
  ];

  it.each([
    ['lines', { verbosity: 3, showDiff: true }],
    ['live', { live: true, verbosity: 3, showDiff: true }],
    ['jsonl', { output: 'jsonl' }],
  ] as const)('never appear: %s', async (_name, options) => {
    const { out, err } = await run(leaky, options);
    expect(out + err).toContain('***');
    expect(out + err).not.toMatch(/canary-|4711/);
  });

  it('are not in problems outside a run either', () => {
    const problem = {
      code: 'INVENTORY',
      at: [{ file: '/project/inventory.yaml', line: 12, column: 9 }],
      happened: `"${canary}" is no port\u001b[2J`,
      remedy: 'give a number',
    } as const;
    expect(renderProblems([problem, problem], { color: false, unicode: false, folder: '/project' })).toBe(
      'INVENTORY — inventory.yaml:12:9 — "***" is no port\\x1b[2J; give a number\n'.repeat(2).trimEnd(),
    );
  });

  it('does not end the run when an event cannot be shown', async () => {
    const broken = { event: 'step' } as unknown as RunEvent;
    const { err } = await run([broken, broken, changed]);
    expect(err.match(/BUG/g)).toHaveLength(1);
    expect(err).toContain('~ lb-1  file /etc/nginx/nginx.conf  changed');
  });
});
