import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const program = fileURLToPath(new URL('../../../dist/provision.js', import.meta.url));

/** A real pseudo-terminal with the built command line in it. */
export class Terminal {
  readonly #child;
  readonly #exit: Promise<number>;
  screen = '';

  constructor(args: readonly string[]) {
    const command = [process.execPath, program, ...args].map((word) => `'${word}'`).join(' ');
    const { CI: _, ...environment } = process.env;
    this.#child = spawn('script', ['-qefc', `stty rows 40 cols 140; ${command}`, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...environment, TERM: 'xterm-256color', LANG: 'C.UTF-8', NO_COLOR: '1' },
    });
    this.#child.stdout.on('data', (chunk: Buffer) => (this.screen += chunk.toString('utf8')));
    this.#exit = new Promise((resolve) => this.#child.once('close', (code) => resolve(code ?? 255)));
  }

  async sees(text: string): Promise<void> {
    await expect.poll(() => this.screen, { timeout: 60_000 }).toContain(text);
  }

  type(keys: string): void {
    this.#child.stdin.write(keys);
  }

  ended(): Promise<number> {
    return this.#exit;
  }
}
