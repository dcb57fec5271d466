import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { RunEvent } from 'provision';

const program = fileURLToPath(new URL('../../../dist/provision.js', import.meta.url));

/** When a run is struck, told by the events that it prints. */
export type Moment =
  | { readonly kind: 'early'; readonly ms: number }
  /** Just before, or just after, a step of a host. */
  | { readonly kind: 'boundary'; readonly step: string; readonly edge: 'step-start' | 'step' }
  /** When so much of the time that the step usually takes has gone by; at its end where it is faster. */
  | { readonly kind: 'inside'; readonly step: string; readonly share: number };

export interface StruckRun {
  /** False: the run ended before the moment came. */
  readonly struck: boolean;
  /** Undefined when it was killed. */
  readonly exit: number | undefined;
  readonly ms: number;
  readonly stderr: string;
  readonly events: readonly RunEvent[];
}

/** Runs the built command line until the moment, calls `strike`, and waits for its end. */
export async function struckRun(
  args: readonly string[],
  options: {
    readonly env: Readonly<Record<string, string>>;
    readonly moment: Moment;
    readonly durations: Durations;
    strike(kill: () => void): void;
  },
): Promise<StruckRun> {
  const started = performance.now();
  const child = spawn(process.execPath, [program, ...args, '--output', 'jsonl'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  const { moment, durations } = options;
  let stderr = '';
  let struck = false;
  let timer: NodeJS.Timeout | undefined;
  const events: RunEvent[] = [];
  const ended = new Promise<number | undefined>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? undefined));
  });
  const strike = () => {
    clearTimeout(timer);
    if (struck || child.exitCode !== null) return;
    struck = true;
    options.strike(() => void child.kill('SIGKILL'));
  };
  if (moment.kind === 'early') timer = setTimeout(strike, moment.ms);
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  createInterface(child.stdout).on('line', (line) => {
    const event = parseEvent(line);
    if (!event) return;
    events.push(event);
    durations.hear(event);
    const step = stepOf(event);
    if (moment.kind === 'early' || step !== moment.step) return;
    if (moment.kind === 'boundary' ? event.event === moment.edge : event.event === 'step') strike();
    else if (moment.kind === 'inside' && event.event === 'step-start')
      timer = setTimeout(strike, moment.share * durations.of(step));
  });
  const exit = await ended;
  clearTimeout(timer);
  return { struck, exit, ms: performance.now() - started, stderr, events };
}

/** `lb-1 file-set nginx`; undefined for what is no news of a step. */
export function stepOf(event: RunEvent): string | undefined {
  return event.event === 'step-start' || event.event === 'step' ? `${event.host} ${event.step}` : undefined;
}

/** A run that is killed may have written half a line. */
function parseEvent(line: string): RunEvent | undefined {
  try {
    return JSON.parse(line) as RunEvent;
  } catch {
    return undefined;
  }
}

/** How long steps take on this machine when they have something to do: learnt from the runs so far. */
export class Durations {
  readonly #ms = new Map<string, number>();

  hear(event: RunEvent): void {
    const step = stepOf(event);
    if (step !== undefined && event.event === 'step' && event.status === 'changed')
      this.#ms.set(step, event.ms);
  }

  of(step: string): number {
    return this.#ms.get(step) ?? 100;
  }
}
