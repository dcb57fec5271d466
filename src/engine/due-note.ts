import { createHash } from 'node:crypto';
import { dirname } from 'node:path/posix';
import type { Host, Question, ReadHost } from '../core/host.ts';
import { joinScripts, Script, sh } from '../core/script.ts';
import { flush } from '../host/place-file.ts';

/*
 * A note on the host that an action is due. It is written before the change that makes it due and removed after the action,
 * so that a run that dies anywhere in between leaves the note, and the next run does the action. It is on the disk before the change
 * is begun: a power cut may undo the change without the note, never the note without the change.
 */
const folder = '/var/lib/provision/due';

/** Whether an earlier run has left the note of this step. */
export async function isDue(host: ReadHost, stepId: string): Promise<boolean> {
  return (await host.ask(dueNotes, noteName(stepId))) ?? false;
}

/** Of all steps that ask in one tick, by one look at the folder. */
const dueNotes: Question<true> = async (host, names) => {
  const { stdout } = await host.probe(
    sh`cd ${folder} 2>/dev/null && for note in ${names}; do [ ! -e "$note" ] || echo "$note"; done`,
  );
  return new Map(stdout.split('\n').map((name) => [name, true]));
};

/** Notes all these steps as due, in one go. */
export async function writeDueNotes(host: Host, stepIds: readonly string[]): Promise<void> {
  if (stepIds.length === 0) return;
  const paths = stepIds.map((id) => `${folder}/${noteName(id)}`);
  const notes = stepIds.map((id, index) => sh`printf '%s\n' ${inAscii(id)} >${paths[index]!}`);
  const write = joinScripts([sh`mkdir -p -m 0700 -- ${folder}`, ...notes], ' && ');
  await host.run(
    sh`${write} || exit
${Script.fromTrusted(flush)}
flush ${[...paths, folder, dirname(folder), dirname(dirname(folder))]}`,
    { doing: `noting that ${stepIds.map((id) => `"${id}"`).join(', ')} is due` },
  );
}

export async function removeDueNote(host: Host, stepId: string): Promise<void> {
  await host.run(sh`rm -f -- ${`${folder}/${noteName(stepId)}`}`, {
    doing: `noting that "${stepId}" is done`,
  });
}

function noteName(stepId: string): string {
  return createHash('sha256').update(stepId).digest('hex').slice(0, 16);
}

/** What a shell takes as it is, whatever is in the id of a step. */
function inAscii(id: string): string {
  return JSON.stringify(id).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
