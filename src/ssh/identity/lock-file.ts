import { randomBytes } from 'node:crypto';
import { lstatSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { hostname } from 'node:os';

const pauseMs = 2;
const abandonedMs = 60_000;

/**
 * Does a short piece of work that is synchronous, while no other process that asks for the same lock does. The lock is a link
 * without a target that names its owner: to make one is atomic everywhere, and one that a killed process has left is seen to
 * be nobody's. Where none can be had, as in a folder that is read only, the work is done all the same.
 * @param path of the lock; nothing else may be there
 * @param waitMs how long one that is held is waited for
 */
export function holdingLock<T>(path: string, work: () => T, waitMs = 5000): T {
  const me = `${hostname()}:${process.pid}:${randomBytes(8).toString('hex')}`;
  const isHeld = waitFor(path, me, waitMs);
  try {
    return work();
  } finally {
    if (isHeld) release(path, me);
  }
}

function waitFor(path: string, me: string, waitMs: number): boolean {
  const end = performance.now() + waitMs;
  for (;;) {
    const made = make(path, me);
    if (made !== 'taken') return made === 'made';
    const owner = ownerOf(path);
    if (owner !== undefined && isAbandoned(path, owner)) clear(path, owner);
    if (performance.now() >= end) return false;
    pause();
  }
}

function make(path: string, owner: string): 'made' | 'taken' | 'impossible' {
  try {
    symlinkSync(owner, path);
    return 'made';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EEXIST' ? 'taken' : 'impossible';
  }
}

function ownerOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function release(path: string, owner: string): void {
  if (ownerOf(path) === owner) rmSync(path, { force: true });
}

/** Of two that find a lock abandoned the slower one would remove that of the quicker one; so they do it one after the other. */
function clear(path: string, owner: string): void {
  const turn = `${path}.${owner.split(':').at(-1)!}`;
  if (make(turn, owner) !== 'made') return;
  release(path, owner);
  rmSync(turn, { force: true });
}

/** Of processes elsewhere, which share a home folder, only the age of their locks is known. */
function isAbandoned(path: string, owner: string): boolean {
  const [machine, pid] = owner.split(':');
  if (machine === hostname() && !isAlive(Number(pid))) return true;
  const made = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return made !== undefined && Date.now() - made > abandonedMs;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // A process of somebody else is there all the same.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Without giving the event loop a turn: what comes after the lock must not come before it. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
}
