import { execFileSync } from 'node:child_process';
import { mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LocalShellOptions } from './local-shell-connection.ts';

/** The shells of this machine that a host may have as `/bin/sh`, busybox with its own tools. */
export const shells: readonly { readonly name: string; readonly options: LocalShellOptions }[] = [
  ...['dash', 'bash'].flatMap((name) => {
    const program = find(name);
    return program === undefined ? [] : [{ name, options: { shell: [program] as const } }];
  }),
  ...busybox(),
];

function busybox() {
  const program = find('busybox');
  if (program === undefined) return [];
  const folder = mkdtempSync(join(tmpdir(), 'busybox-'));
  const tools = execFileSync(program, ['--list'], { encoding: 'utf8' }).split('\n').filter(Boolean);
  for (const tool of tools) symlinkSync(program, join(folder, tool));
  return [{ name: 'busybox', options: { shell: [program, 'sh'] as const, path: folder } }];
}

function find(name: string): string | undefined {
  try {
    return execFileSync('/bin/sh', ['-c', 'command -v "$0"', name], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}
