import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program, as it is started: without a shell. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Measured {
  readonly wallMs: number;
  /** User and system time of all processes that the command has started. */
  readonly cpuMs: number;
  /** Proportional and resident set of all of them together, at their peak, in megabytes. */
  readonly peakPssMb: number;
  readonly peakRssMb: number;
  readonly processes: number;
}

/** How often memory is looked at: seldom enough to cost nothing, as machine and processors are shared. */
const samplingMs = 200;
const variable = 'PROVISION_BENCH_RUN';
let runs = 0;
/** By what the processes of one run are known. */
interface Mark {
  readonly variable: string;
  /** Where whoever multiplexes connections has its sockets. */
  readonly sockets: string;
}

/** What runs now, so that it ends with the benchmark. */
let current: { readonly pid: number | undefined; readonly mark: Mark } | undefined;

/** Ends what is being measured, and what it has left behind. */
export function endMeasured(): void {
  if (!current) return;
  if (current.pid !== undefined) signal(-current.pid, 'SIGKILL');
  for (const pid of startedBy(current.mark)) signal(pid, 'SIGKILL');
}

/**
 * Runs a command and says what it cost. All its processes carry a variable in their environment, by which those are found
 * that outlive it; the masters of OpenSSH's multiplexing have written their title over it, and are known by their socket
 * below the folder of the log. All of them are counted, and ended, so that no run finds a connection of another one.
 * @throws Error with the end of its output when it fails or takes too long
 */
export async function measure(
  command: Command,
  { log, limitMs }: { log: string; limitMs: number },
): Promise<Measured> {
  const run = `${process.pid}-${++runs}.`;
  const mark: Mark = { variable: `${variable}=${run}`, sockets: dirname(log) };
  const output = openSync(log, 'w', 0o600);
  const started = performance.now();
  // The shell says what its children have used, down to the last grandchild that was waited for.
  const child = spawn(
    '/bin/sh',
    ['-c', '"$@"; code=$?; times >&3; exit $code', 'sh', command.program, ...command.args],
    {
      detached: true,
      stdio: ['ignore', output, output, 'pipe'],
      env: { ...process.env, ...command.env, [variable]: run },
    },
  );
  closeSync(output);
  current = { pid: child.pid, mark };
  let times = '';
  child.stdio[3]!.on('data', (chunk: Buffer) => (times += chunk.toString()));
  const peak = { pss: 0, rss: 0, processes: 0 };
  const state = { ended: false };
  const watching = watchMemory(mark, peak, state);
  const deadline = setTimeout(() => signal(-child.pid!, 'SIGKILL'), limitMs);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const wallMs = performance.now() - started;
  clearTimeout(deadline);
  current = undefined;
  state.ended = true;
  await watching;
  const cpuMs = childTimes(times) + endLeftBehind(mark);
  if (code !== 0)
    throw new Error(
      `${command.program} ${command.args.slice(0, 3).join(' ')} … ended with ${code}:\n${endOf(log)}`,
    );
  return { wallMs, cpuMs, peakPssMb: peak.pss / 1024, peakRssMb: peak.rss / 1024, processes: peak.processes };
}

/** User and system time that a process and those that it has waited for have used so far, in milliseconds. */
function timeOf(pid: number): number {
  const [, fields = ''] = /^.*\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
  const ticks = fields.split(' ').slice(11, 15).map(Number);
  return ticks.reduce((sum, each) => sum + each, 0) * 10;
}

async function watchMemory(
  mark: Mark,
  peak: { pss: number; rss: number; processes: number },
  state: { ended: boolean },
): Promise<void> {
  while (!state.ended) {
    await sleep(samplingMs);
    const sizes = startedBy(mark).map(memoryOf);
    const sum = (each: 'pss' | 'rss') => sizes.reduce((total, size) => total + size[each], 0);
    peak.pss = Math.max(peak.pss, sum('pss'));
    peak.rss = Math.max(peak.rss, sum('rss'));
    // The shell around it is ours.
    peak.processes = Math.max(peak.processes, sizes.length - 1);
  }
}

/** Kilobytes. */
function memoryOf(pid: number): { pss: number; rss: number } {
  const text = read(`/proc/${pid}/smaps_rollup`) ?? '';
  const figure = (name: string) => Number(new RegExp(`^${name}: *(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return { pss: figure('Pss'), rss: figure('Rss') };
}

/** Two lines of `times`: of the shell, and of its children: `0m0.250000s 0m0.040000s`. */
function childTimes(text: string): number {
  const line = text.trim().split('\n').at(-1) ?? '';
  const seconds = [...line.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, rest]) => Number(minutes) * 60 + Number(rest),
  );
  return seconds.reduce((sum, each) => sum + each, 0) * 1000;
}

function endLeftBehind(mark: Mark): number {
  let cpuMs = 0;
  for (const pid of startedBy(mark)) {
    try {
      cpuMs += timeOf(pid);
    } catch {
      continue;
    }
    signal(pid, 'SIGTERM');
  }
  return cpuMs;
}

function startedBy({ variable, sockets }: Mark): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const isMaster = (pid: number) => read(`/proc/${pid}/cmdline`)?.startsWith(`ssh: ${sockets}/`) === true;
  return pids
    .map(Number)
    .filter(
      (pid) => pid !== process.pid && (read(`/proc/${pid}/environ`)?.includes(variable) || isMaster(pid)),
    );
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}

function endOf(log: string): string {
  return readFileSync(log, 'utf8').slice(-3000);
}
