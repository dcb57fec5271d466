import { StringDecoder } from 'node:string_decoder';
import type { ProvisionError } from '../../core/errors.ts';
import type { Link } from '../link.ts';
import { lockScript, noteShell, type LockValues } from './lock-script.ts';
import type { Shell } from '../shell/shell.ts';
import type { ShellChannel } from '../shell/shell-channel.ts';
import { openShellChannel } from '../shell/shell-channel.ts';
import { oneLine, targetError } from '../target.ts';

export interface LockOptions {
  /** Unpredictable, one a run: by it a run knows a lock of its own again. */
  readonly run: string;
  /** Who holds it, for people: `anna@laptop (pid 4242)`. */
  readonly who: string;
  /** How long a lock that is held is waited for, in milliseconds. 0: not at all. */
  readonly waitMs: number;
  /** How long the host keeps the lock without hearing from us, in whole seconds. Default 60. */
  readonly leaseSeconds?: number;
  /** How long the script of a run that died may go on before it is ended, in whole seconds. Default 60. */
  readonly patienceSeconds?: number;
  /** Where the lock lies on the host. Default: `/run/provision` of root, a folder in the home of everybody else. */
  readonly folder?: string;
  /** Called with what is being waited for. */
  readonly progress?: (text: string) => void;
}

/** A lock that is held. */
export interface HeldLock {
  /** The run that held the lock before and did not give it back; it may be our own. Empty: there is none. */
  readonly previous: { readonly run: string; readonly who: string };
  /** Whether we were alone from our last lock on: nobody else had it in between. */
  readonly undisturbed: boolean;
  /** Why there is no lock after all: the host has not what it takes. */
  readonly unable?: string;
  /** Gives the lock back. Never rejects and takes two seconds at most. */
  release(): Promise<void>;
}

/**
 * Takes the lock of a host, which only one run has at a time, and holds it for as long as the connection lives. Whatever
 * a run that died still does there has ended then. A lock that is lost ends the connection: nothing is done without it.
 * @throws ProvisionError `LOCKED`, or `CONN_LOST`; what `signal` was aborted with
 * @example
 * const lock = await takeLock(link, shell, { run, who: 'anna@laptop (pid 4242)', waitMs: 0 });
 */
export async function takeLock(
  link: Link,
  shell: Shell,
  options: LockOptions,
  signal?: AbortSignal,
): Promise<HeldLock> {
  const second = await openSecondShell(link);
  const end = () => second.end();
  try {
    const held = await converse(link, second.channel, options, signal);
    if (held.unable !== undefined) end();
    else {
      shell.first = noteShell(options.folder);
      // Not waited for: a shell runs what it is given in order, so it is noted before it does anything else.
      const noted = shell.execute(shell.first, { doing: 'noting the shell', timeoutMs: 60_000 });
      noted.catch(() => undefined);
    }
    return { ...held, release: () => held.release().finally(end) };
  } catch (error) {
    end();
    throw error;
  }
}

/** From a second connection where the host allows one session only. */
async function openSecondShell(link: Link): Promise<{ channel: ShellChannel; end(): void }> {
  const nothing = { onStart: () => {}, onAnswer: () => {}, onClose: () => {} };
  try {
    const channel = await openShellChannel(link, nothing);
    return { channel, end: () => channel.close() };
  } catch (error) {
    if (link.lifeline.ended) throw error;
    link.debug('the lock needs a connection of its own: the host opens no second session');
    const other = await link.again();
    const channel = await openShellChannel(other, nothing).catch((reason: unknown) => {
      other.client.end();
      throw reason;
    });
    return { channel, end: () => other.client.end() };
  }
}

const patienceMs = 2000;

function converse(
  link: Link,
  channel: ShellChannel,
  options: LockOptions,
  signal: AbortSignal | undefined,
): Promise<HeldLock> {
  const { leaseSeconds = 60, patienceSeconds = 60, run, who, folder } = options;
  const { stream } = channel;
  const values: LockValues = {
    run,
    who: oneLine(who),
    leaseSeconds,
    patienceSeconds,
    ...(folder !== undefined && { folder }),
  };
  const started = performance.now();
  let released = false;
  let heartbeat: NodeJS.Timeout | undefined;
  const closed = new Promise<void>((resolve) => void stream.once('close', () => resolve()));

  const answer = new Promise<HeldLock>((resolve, reject) => {
    const abort = () => reject(signal?.reason as Error);
    signal?.addEventListener('abort', abort, { once: true });
    void closed.then(() => {
      clearInterval(heartbeat);
      signal?.removeEventListener('abort', abort);
      if (released) return;
      // Whatever went on now would go on beside another run.
      if (heartbeat) link.lifeline.end('the lock on the host was lost');
      reject(link.lifeline.lost('lock the host', 'nothing was changed by this'));
    });
    const hear = (line: string) => {
      const [word = '', first = '', second = ''] = line.split('\t');
      if (word === 'locked') {
        const waited = performance.now() - started;
        if (waited >= options.waitMs) reject(locked(link, first, second));
        else options.progress?.(waiting(`locked by ${oneLine(second)}`, waited, options.waitMs));
      } else if (word === 'busy') {
        const whose = oneLine(second) || 'an earlier run';
        const text = `a script of ${whose} is still running`;
        options.progress?.(waiting(text, Number(first) * 1000, patienceSeconds * 1000));
      } else if (word === 'held' || word === 'unable') {
        signal?.removeEventListener('abort', abort);
        released = word === 'unable';
        if (!released) heartbeat = beat(stream, leaseSeconds);
        resolve({
          previous: { run: released ? '' : first, who: oneLine(second) },
          undisturbed: first === run,
          ...(released && { unable: oneLine(first) }),
          release,
        });
      }
    };
    readLines(stream, hear);
    stream.write(lockScript(values));
  });

  async function release(): Promise<void> {
    if (released) return;
    released = true;
    clearInterval(heartbeat);
    if (stream.writable) stream.write('q');
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([closed, new Promise((resolve) => (timer = setTimeout(resolve, patienceMs)))]);
    clearTimeout(timer);
  }

  return link.lifeline.guard(answer, 'lock the host').catch((error: unknown) => {
    released = true;
    throw error;
  });
}

function beat(stream: ShellChannel['stream'], leaseSeconds: number): NodeJS.Timeout {
  return setInterval(
    () => {
      if (stream.writable) stream.write('b');
    },
    (leaseSeconds * 1000) / 6,
  );
}

/** Lines of at most 4 kB; a host that says more is not worth listening to. */
function readLines(stream: ShellChannel['stream'], hear: (line: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop()!.slice(0, 4096);
    lines.forEach(hear);
  });
}

function waiting(what: string, waitedMs: number, mostMs: number): string {
  return `${what}; waiting, ${Math.round(waitedMs / 1000)} s of at most ${Math.round(mostMs / 1000)} s`;
}

function locked(link: Link, seconds: string, who: string): ProvisionError {
  const age = /^\d{1,9}$/.test(seconds) ? ` by the clock of the host, ${seconds} s ago` : '';
  const happened = `the host is locked by another run: ${oneLine(who) || 'nobody knows whose'}${age}`;
  return targetError(link.target, 'LOCKED', happened, {
    hostState: 'nothing was done there',
    remedy: 'wait until that run has ended, or let this one wait: --lock-wait 600',
  });
}
