import { randomBytes } from 'node:crypto';
import { sh } from '../../core/script.ts';
import type { Shell } from '../shell/shell.ts';

/*
 * A private folder carries the process id of the shell of its connection in its name, so that a later connection knows
 * whether anybody still uses it.
 */

/** `.provision-4711-…` with 24 hexadecimal digits. */
export const privateFolderForm = /^\.provision-\d{1,10}-[0-9a-f]{24}$/;

/** The form of the names in it. Nothing else in it was made by us, and nothing else is removed. */
export const uploadedForm = /^upload-[0-9a-f]{16}$/;

export function privateFolderName(pid: string): string {
  return `.provision-${pid}-${randomBytes(12).toString('hex')}`;
}

export function uploadedName(): string {
  return `upload-${randomBytes(8).toString('hex')}`;
}

/** Which of these folders were left by shells that are gone, and the process id of this shell. */
export async function findDeadFolders(
  shell: Shell,
  names: readonly string[],
): Promise<{ pid: string; dead: string[] }> {
  const pids = [...new Set(names.map((name) => name.split('-')[1] ?? ''))];
  const asked = sh`echo $$; for pid in ${pids}; do [ -d "/proc/$pid" ] || echo "$pid"; done`;
  const { stdout } = await shell.execute(asked, { doing: 'look after old uploads', timeoutMs: 60_000 });
  const [pid = '', ...gone] = stdout.trim().split('\n');
  // Whatever else stood there, it must not become a part of a path.
  const own = /^\d{1,10}$/.test(pid) ? pid : '0';
  return { pid: own, dead: names.filter((name) => gone.includes(name.split('-')[1] ?? '')) };
}
