import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryHost } from '../../src/host/memory-host.ts';

/** A host in memory whose notes of due actions are real files, written and read by a real shell. */
export class HostWithNotes extends MemoryHost {
  readonly #base = mkdtempSync(join(tmpdir(), 'due-notes-'));

  constructor() {
    super({ name: 'node-1' });
    this.answer('/var/lib/provision/due', (script) => this.#shell(script));
  }

  /** Names of the files. */
  get notes(): string[] {
    return readdirSync(join(this.#base, 'provision/due'));
  }

  /** Puts another text into each note, as a crash or a person may. */
  spoilNotes(text: string): void {
    for (const name of this.notes) writeFileSync(join(this.#base, 'provision/due', name), text);
  }

  /** Runs what a person was told to run. */
  remedy(command: string): void {
    this.#shell(command);
  }

  [Symbol.dispose](): void {
    rmSync(this.#base, { recursive: true, force: true });
  }

  #shell(script: string) {
    const here = script.replaceAll('/var/lib', this.#base);
    // The disks of this machine are not what is tested.
    const quick = `sync() { for file do [ "$file" = -- ] || [ -e "$file" ] || return; done; }\n${here}`;
    try {
      return execFileSync('/bin/sh', ['-c', quick], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    } catch (error) {
      return { code: (error as { status: number }).status };
    }
  }
}
