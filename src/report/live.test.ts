import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunEvent } from '../core/event.ts';
import { createReporter, type Reporter } from './report.ts';
import { createSink } from './sink.ts';
import { failure, start, step, summaryOf } from './test-events.ts';
import { RecordingStream } from './test-streams.ts';
import { TestTerminal } from './test-terminal.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

async function liveRun(
  events: RunEvent[],
  options: { columns?: number; rows?: number; unicode?: boolean; color?: boolean; showDiff?: boolean } = {},
): Promise<{
  terminal: TestTerminal;
  stdout: RecordingStream;
  reporter: Reporter;
  tell: (...more: RunEvent[]) => Promise<void>;
}> {
  const { unicode = true, color = false, showDiff = false } = options;
  const terminal = new TestTerminal(options.columns ?? 80, options.rows ?? 24);
  const stdout = new RecordingStream();
  const sink = createSink({ stdout, stderr: terminal, unicode });
  const colors = { stdout: color, stderr: color };
  const look = { live: true, color: colors, unicode, verbosity: 0, showDiff, folder: '/project' };
  const reporter = await createReporter({ sink, output: 'human', ...look });
  const tell = async (...more: RunEvent[]) => {
    more.forEach(reporter.listener);
    await vi.advanceTimersByTimeAsync(100);
  };
  await tell(...events);
  return { terminal, stdout, reporter, tell };
}

const stepStart = (host: string, name: string): RunEvent => ({
  event: 'step-start',
  host,
  play: 'lb',
  step: name,
});

const beginning: RunEvent[] = [
  start({ 'lb-1': ['file a', 'ready b'], 'lb-2': ['file a', 'ready b'] }),
  { event: 'phase', name: 'lb', hosts: ['lb-1', 'lb-2'] },
  stepStart('lb-1', 'file a'),
];

describe('the live view', () => {
  it('shows hosts, steps and what is waited for, in place', async () => {
    const { terminal, tell, reporter } = await liveRun(beginning);
    expect(terminal.lines).toEqual([
      '0/2 done · 0 failed · 1 running · 0s · lb',
      expect.stringMatching(/^ . lb-1 {5}0\/2 {2}file a$/),
      ' · lb-2     0/2  waiting',
    ]);
    await tell(step({ step: 'file a', status: 'changed' }), stepStart('lb-1', 'ready b'), {
      event: 'progress',
      host: 'lb-1',
      text: 'waiting for ready b: HTTP 502 (0 s of at most 600 s)',
    });
    await vi.advanceTimersByTimeAsync(64_800);
    expect(terminal.lines).toEqual([
      '0/2 done · 0 failed · 1 running · 1m05s · lb',
      expect.stringMatching(/^ . lb-1 {5}1\/2 {2}ready b {2}1m05s — HTTP 502 \(0 s of at most 600 s\)$/),
      ' · lb-2     0/2  waiting',
    ]);
    await reporter.close();
  });

  it('keeps problems above, and ends with nothing but them and the result', async () => {
    const { terminal, stdout, tell, reporter } = await liveRun(beginning);
    await tell(failure);
    const problem = [
      '✗ lb-1  file set /etc/nginx  failed (2.1s)',
      expect.stringMatching(/^ {2}VALIDATION_FAILED lb-1 file set \/etc\/nginx — roles\/nginx-tls.ts:7:5/),
    ];
    expect(terminal.lines.slice(0, 2)).toEqual(problem);
    expect(terminal.lines).toContain('1/2 done · 1 failed · 0 running · 0s · lb');
    expect(terminal.cursorIsVisible).toBe(false);
    await tell(summaryOf({ 'lb-1': { failed: 1 }, 'lb-2': {} }, { exit: 2 }));
    await reporter.close();
    expect(terminal.lines.slice(0, 2)).toEqual(problem);
    expect(terminal.lines.join('\n')).not.toContain('done ·');
    expect(terminal.cursorIsVisible).toBe(true);
    expect(stdout.written).toContain('Of 2 hosts 1 failed (lb-1)');
  });

  it('gives the cursor back when the run ends without a summary, and when the process exits', async () => {
    const first = await liveRun(beginning);
    await first.reporter.close();
    expect(first.terminal).toMatchObject({ cursorIsVisible: true, lines: [] });
    const second = await liveRun(beginning);
    const before = process.listenerCount('exit');
    for (const listener of process.listeners('exit').slice(-1)) (listener as () => void)();
    expect(second.terminal).toMatchObject({ cursorIsVisible: true, lines: [] });
    await second.reporter.close();
    expect(process.listenerCount('exit')).toBe(before - 1);
  });

  it('takes no signal for itself', async () => {
    const before = process.listenerCount('SIGINT');
    const { reporter } = await liveRun(beginning);
    expect(process.listenerCount('SIGINT')).toBe(before);
    await reporter.close();
  });

  it('shows of many hosts the failed, the slowest and a number, in rows − 3 lines', async () => {
    const names = Array.from({ length: 200 }, (_, index) => `web-${index + 1}`);
    const { terminal, tell, reporter } = await liveRun(
      [start(Object.fromEntries(names.map((name) => [name, ['file a']]))), stepStart('web-150', 'file a')],
      { rows: 12 },
    );
    await vi.advanceTimersByTimeAsync(20_000);
    await tell(
      ...names.slice(0, 60).map((name) => stepStart(name, 'file a')),
      step({
        host: 'web-7',
        step: 'file a',
        status: 'failed',
        problems: [{ code: 'DISK_FULL', happened: 'no space' }],
      }),
    );
    const view = terminal.lines.slice(-9);
    expect(view[0]).toBe('1/200 done · 1 failed · 60 running · 20s');
    expect(view[1]).toBe(' ✗ web-7       1/1  DISK_FULL: no space');
    expect(view[2]).toMatch(/^ . web-150 {5}0\/1 {2}file a {2}20s$/);
    expect(view[3]).toMatch(/web-1 /);
    expect(view[8]).toBe('  … 193 more');
    await reporter.close();
  });

  it('stays whole when the window becomes narrower', async () => {
    const { terminal, tell, reporter } = await liveRun(beginning, { columns: 80 });
    terminal.resize(30);
    await tell(stepStart('lb-2', 'file /etc/nginx/conf.d/very-long-name.conf'));
    expect(terminal.lines).toEqual([
      '0/2 done · 0 failed · 2 runn…',
      expect.stringMatching(/^ . lb-1 {5}0\/2 {2}file a$/),
      expect.stringMatching(/^ . lb-2 {5}0\/2 {2}file \/etc/),
    ]);
    expect(Math.max(...terminal.lines.map((line) => line.length))).toBeLessThan(30);
    await reporter.close();
  });

  it('draws at most ten times a second', async () => {
    const { terminal, tell, reporter } = await liveRun(beginning);
    const before = terminal.writes;
    for (let round = 0; round < 100; round++) {
      reporter.listener(stepStart('lb-1', `file ${round}`));
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(terminal.writes - before).toBeLessThanOrEqual(10);
    await tell();
    await reporter.close();
  });

  it('shows changes above when diffs are asked for', async () => {
    const changes = [{ type: 'text', path: 'content', have: 'a\n', want: 'b\n' }] as const;
    const { terminal, reporter } = await liveRun(
      [...beginning, step({ step: 'file a', status: 'changed', changes })],
      { showDiff: true },
    );
    expect(terminal.lines.slice(0, 5)).toEqual([
      '~ lb-1  file a  changed',
      '    content: 1 line → 1 line',
      '    @@ -1,1 +1,1 @@',
      '    -a',
      '    +b',
    ]);
    await reporter.close();
  });

  it('uses colour only when told to, and ASCII signs where UTF-8 cannot be shown', async () => {
    const ascii = await liveRun([...beginning, failure], { unicode: false });
    expect(ascii.terminal.written).toMatch(/^[\u0000-\u007f]*$/);
    expect(ascii.terminal.written).not.toMatch(/\u001b\[\d+m/);
    await ascii.reporter.close();
    const colored = await liveRun([...beginning, failure], { color: true });
    expect(colored.terminal.written).toContain('\u001b[31m✗\u001b[39m');
    await colored.reporter.close();
  });

  it('draws nothing of a host but text', async () => {
    const { terminal, tell, reporter } = await liveRun(beginning);
    await tell({ event: 'progress', host: 'lb-1', text: 'x\u001b[2J\u009b1A\u202e\nfake line' });
    expect(terminal.lines[1]).toContain('— x\\x1b[2J\\x9b1A\\u202e\\nfake line');
    await reporter.close();
  });
});
