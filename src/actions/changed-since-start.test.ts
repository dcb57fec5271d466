import { describe, expect, it, test } from 'vitest';
import fc from 'fast-check';
import { MemoryHost } from '../host/memory-host.ts';
import { restart } from './restart.ts';

/** A machine that was booted at 1000 s by a clock that is right, and has been up for an hour. */
const booted = Date.parse('2026-01-01T00:00:00Z') / 1000;

interface Machine {
  /** Seconds after the boot at which the process was started and the file was written. */
  readonly start: number;
  readonly written: number;
  /** By how many seconds the clock was set forward after all that. */
  readonly setBy?: number;
  readonly changed?: number;
  readonly uptime?: number;
}

const stamp = (seconds: number) => new Date(seconds * 1000).toISOString().replace('T', ' ').slice(0, 19);

function told({ start, written, changed = written, setBy = 0, uptime = 3600 }: Machine): string {
  return [
    `start ${Math.round(start * 100)} 100`,
    `UserspaceTimestamp=Thu ${stamp(booted + 2)} UTC`,
    'UserspaceTimestampMonotonic=2000000',
    `now ${(booted + 3600 + setBy).toFixed(9)} ${uptime.toFixed(2)}`,
    `file ${Math.floor(booted + written)} ${Math.floor(booted + changed)} /etc/x.conf`,
  ].join('\n');
}

const whyDue = (machine: Machine) =>
  restart('x', { reads: ['/etc/x.conf'] }).whyDue!(new MemoryHost().answer('MainPID', told(machine)));

describe('a restart is due', () => {
  it('when a file that the service reads was written after its start', async () => {
    expect(await whyDue({ start: 100, written: 200 })).toBe('/etc/x.conf was written after x was started');
  });

  it.each([
    ['written before', { start: 200, written: 100 }],
    ['written within the grain of the clocks', { start: 100, written: 102 }],
    ['of the future', { start: 100, written: 7200 }],
    ['with a time that was chosen by hand', { start: 300, written: 3000, changed: 200 }],
    ['of which only the owner or the mode was changed', { start: 300, written: 200, changed: 3000 }],
    ['in a container that sees another uptime than its processes', { start: 100, written: 200, uptime: 50 }],
    ['that only looks newer since the clock was set back', { start: 100, written: 99, setBy: -120 }],
  ])('not for a file %s', async (_what, machine) => {
    expect(await whyDue(machine)).toBeUndefined();
  });

  it('not where nothing can be told: no service, no systemd, no files', async () => {
    const reads = ['/etc/x.conf'];
    expect(
      await restart('x', { reads }).whyDue!(new MemoryHost().answer('MainPID', { code: 1 })),
    ).toBeUndefined();
    expect(
      await restart('x', { reads }).whyDue!(new MemoryHost().answer('MainPID', 'start 1 100\n')),
    ).toBeUndefined();
    const host = new MemoryHost();
    expect(await restart('x').whyDue!(host)).toBeUndefined();
    expect(host.probes).toEqual([]);
  });
});

test('whenever and however the clock is set once, a file that was there before the start never calls for a restart', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        start: fc.nat(3500),
        before: fc.nat(3500),
        setBy: fc.integer({ min: -90_000, max: 90_000 }),
        setAt: fc.nat(3600),
      }),
      async ({ start, before, setBy, setAt }) => {
        const written = Math.min(before, start);
        // What is written after the clock was set has the new time.
        const byClock = written >= setAt ? written + setBy : written;
        expect(await whyDue({ start, written: byClock, setBy })).toBeUndefined();
      },
    ),
    { numRuns: 2000 },
  );
});

test('paths that a service reads are checked before anything is contacted', () => {
  expect(() => restart('x', { reads: ['etc/x.conf'] })).toThrow(
    /PLAYBOOK.*"etc\/x.conf" that x reads is not absolute/,
  );
});
