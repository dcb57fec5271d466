import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunEvent, StepEvent } from 'provision';

const program = fileURLToPath(new URL('../../../dist/provision.js', import.meta.url));

export type Summary = RunEvent & { readonly event: 'summary' };

/** What one run of the command line did, as its user sees it. */
export interface ProvisionResult {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly steps: readonly StepEvent[];
  readonly summary: Summary | undefined;
  /** `lb-1 file-set nginx: changed`, in the order of the events. */
  readonly statuses: readonly string[];
}

/** Runs the built command line without a terminal, with events as JSON. */
export async function provision(
  args: readonly string[],
  options: {
    env?: Record<string, string>;
    onEvent?: (event: RunEvent, stop: (signal?: NodeJS.Signals) => void) => void;
  } = {},
): Promise<ProvisionResult> {
  const child = spawn(process.execPath, [program, ...args, '--output', 'jsonl'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  let stdout = '';
  let stderr = '';
  let seen = 0;
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('utf8');
    const lines = stdout.split('\n');
    for (; seen < lines.length - 1; seen++) {
      options.onEvent?.(JSON.parse(lines[seen]!) as RunEvent, (signal = 'SIGINT') => void child.kill(signal));
    }
  });
  const exit = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === null) reject(new Error(`provision was ended by ${String(signal)}: ${stderr}`));
      else resolve(code);
    });
  });
  const events = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as RunEvent);
  const steps = events.filter((event): event is StepEvent => event.event === 'step');
  return {
    exit,
    stdout,
    stderr,
    steps,
    summary: events.find((event): event is Summary => event.event === 'summary'),
    statuses: steps.map((step) => `${step.host} ${step.step}: ${step.status}`),
  };
}

/** A folder of its own with these files, mode 0600. */
export function folderWith(files: Readonly<Record<string, string>>): {
  path: string;
  file(name: string): string;
} {
  const path = mkdtempSync(join(tmpdir(), 'provision-inventory-'));
  const file = (name: string) => join(path, name);
  for (const [name, content] of Object.entries(files)) writeFileSync(file(name), content, { mode: 0o600 });
  return { path, file };
}

/** The problems of failed steps, one line each, for assertions that explain themselves. */
export function failuresOf({ steps, stderr }: ProvisionResult): string {
  const problems = steps
    .flatMap((step) => step.problems ?? [])
    .map((problem) => `${problem.code} ${problem.happened}`);
  return [...problems, stderr].join('\n');
}
