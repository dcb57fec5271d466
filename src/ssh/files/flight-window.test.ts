import { expect, test } from 'vitest';
import { FlightWindow } from './flight-window.ts';

/** A line that carries so many bytes a millisecond at most, with answers that take so long; in pieces of 32 kB. */
function windowAfter(
  pieces: number,
  { latencyMs, bytesPerMs }: { latencyMs: number; bytesPerMs: number },
): number {
  let now = 0;
  let free = 0;
  let sent = 0;
  const due: number[] = [];
  const window = new FlightWindow(() => now);
  while (sent < pieces || due.length > 0) {
    for (; sent < pieces && due.length * 32_768 < window.limit; sent++) {
      free = Math.max(free, now) + 32_768 / bytesPerMs;
      due.push(free + latencyMs);
    }
    now = due.shift()!;
    window.answered(32_768);
  }
  return window.limit / 32_768;
}

test('a host that is near gets 16 pieces at a time, however much is sent', () => {
  expect(windowAfter(3000, { latencyMs: 0.2, bytesPerMs: 100_000 })).toBe(16);
});

test('a host that is far gets more, up to the two megabytes that OpenSSH takes', () => {
  expect(windowAfter(300, { latencyMs: 50, bytesPerMs: 100_000 })).toBe(64);
  expect(windowAfter(3000, { latencyMs: 200, bytesPerMs: 100_000 })).toBe(64);
});

test('a slow line gets no backlog, and one that is full with half of the most gets that', () => {
  expect(windowAfter(3000, { latencyMs: 50, bytesPerMs: 1000 })).toBe(16);
  expect(windowAfter(3000, { latencyMs: 50, bytesPerMs: 20_000 })).toBe(32);
});
