import { lstat, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ProvisionError } from '../core/errors.ts';
import { replaceFile } from '../local/replace-file.ts';
import type { PlanFile } from './plan-file.ts';

/**
 * Writes a plan with mode 0600, whole or not at all. An older one is replaced; a symbolic link is refused.
 * @throws ProvisionError `UNSAFE_PATH` where something else than a file is, `LOCAL` when it cannot be written
 */
export async function writePlanFile(path: string, plan: PlanFile): Promise<void> {
  await checkPlanPlace(path);
  try {
    replaceFile(path, `${readable(plan)}\n`);
  } catch (error) {
    throw notWritten((error as Error).message, error);
  }
}

/** JSON leaves some characters as they are that steer a terminal or turn the direction of writing. */
function readable(plan: PlanFile): string {
  return JSON.stringify(plan, undefined, 2).replace(
    /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * Whether a plan may be written there. Asked before the hosts are read as well: that work would be lost.
 * @throws ProvisionError `UNSAFE_PATH` where something else than a file is, `LOCAL` where no folder is
 */
export async function checkPlanPlace(path: string): Promise<void> {
  const folder = await stat(dirname(path)).catch(() => undefined);
  if (!folder?.isDirectory()) throw notWritten(`${dirname(path)} is no folder`);
  const found = await lstat(path).catch(() => undefined);
  if (!found || found.isFile()) return;
  throw new ProvisionError({
    code: 'UNSAFE_PATH',
    happened: `${path} is ${found.isSymbolicLink() ? 'a symbolic link' : 'no file'}, and no plan is written there`,
    hostState: 'nothing was changed on any host',
    remedy: 'choose another place with -o',
  });
}

function notWritten(why: string, cause?: unknown): ProvisionError {
  return new ProvisionError(
    {
      code: 'LOCAL',
      happened: `the plan cannot be written: ${why}`,
      hostState: 'nothing was changed on any host',
      remedy: 'choose another place with -o',
    },
    { cause },
  );
}
