import { createHash } from 'node:crypto';
import type { Host, ReadHost } from '../core/host.ts';
import { sh } from '../core/script.ts';

/*
 * A note on the host that an action is due. It is written before the change that makes it due and removed after the action,
 * so that a run that dies anywhere in between leaves the note, and the next run does the action.
 */
const folder = '/var/lib/provision/due';

/** Whether an earlier run has left the note of this step. */
export async function isDue(host: ReadHost, stepId: string): Promise<boolean> {
  const { code } = await host.probe(sh`[ -e ${notePath(stepId)} ]`);
  return code === 0;
}

export async function writeDueNote(host: Host, stepId: string): Promise<void> {
  await host.run(sh`mkdir -p -m 0700 -- ${folder} && printf '%s\n' ${stepId} >${notePath(stepId)}`, {
    doing: `noting that "${stepId}" is due`,
  });
}

export async function removeDueNote(host: Host, stepId: string): Promise<void> {
  await host.run(sh`rm -f -- ${notePath(stepId)}`, { doing: `noting that "${stepId}" is done` });
}

function notePath(stepId: string): string {
  return `${folder}/${createHash('sha256').update(stepId).digest('hex').slice(0, 16)}`;
}
