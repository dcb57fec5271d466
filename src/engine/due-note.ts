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

/** What a note says to a person, and to a run that has no such step. */
export interface DueNote {
  /** Where it lies on the host. */
  readonly path: string;
  /** The rest is undefined where the note cannot be read. */
  readonly step: string | undefined;
  /** What the playbook was called whose run has left it. */
  readonly playbook: string | undefined;
  /** By the clock of the host, in UTC. */
  readonly since: string | undefined;
}

/** Whether an earlier run has left the note of this step. */
export async function isDue(host: ReadHost, stepId: string): Promise<boolean> {
  const name = noteName(stepId);
  return (await host.ask(dueNotes, name))?.has(name) ?? false;
}

/** The notes that lie on the host and are of none of these steps; where there are none, it is one look, shared with `isDue`. */
export async function notesOfOthers(host: ReadHost, stepIds: readonly string[]): Promise<DueNote[]> {
  const own = new Set(stepIds.map(noteName));
  const names = [...((await host.ask(dueNotes, 'others')) ?? [])];
  const others = names.filter((name) => /^[0-9a-f]{16}$/.test(name) && !own.has(name)).slice(0, mostOthers);
  if (others.length === 0) return [];
  const { stdout } = await host.probe(
    sh`cd ${folder} && for note in ${others}; do [ ! -e "$note" ] || printf '%s %s\n' "$note" "$(head -c 4000 -- "$note")"; done`,
  );
  const told = new Map(stdout.split('\n').map((line) => [line.slice(0, 16), line.slice(17)]));
  // A run that is under way may have removed one just now.
  return others.flatMap((name) => (told.has(name) ? [readNote(name, told.get(name)!)] : []));
}

/** More than these are not worth a look: a person who removes them is told of the next ones. */
const mostOthers = 20;

/** All who ask in one tick are told what one look at the folder finds; what they ask for comes first. */
const dueNotes: Question<ReadonlySet<string>> = async (host, names) => {
  const { stdout } = await host.probe(
    sh`cd ${folder} 2>/dev/null && for note in ${names} *; do [ ! -e "$note" ] || echo "$note"; done`,
  );
  const found = new Set(stdout.split('\n'));
  return new Map(names.map((name) => [name, found]));
};

/** Notes all these steps as due, in one go. One that is due already stays as it is: since then. */
export async function writeDueNotes(
  host: Host,
  stepIds: readonly string[],
  playbook: string | undefined,
): Promise<void> {
  if (stepIds.length === 0) return;
  const paths = stepIds.map((id) => `${folder}/${noteName(id)}`);
  const notes = stepIds.map((id, index) => {
    const text = inAscii({ step: id, ...(playbook !== undefined && { playbook }) });
    return sh`{ [ -s ${paths[index]!} ] || printf '{"since":"%s",%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" ${text.slice(1)} >${paths[index]!}; }`;
  });
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
function inAscii(note: object): string {
  return JSON.stringify(note).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A power cut may have left it empty. */
function readNote(name: string, text: string): DueNote {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    said = undefined;
  }
  const of = (key: string) => {
    const value = (said as Record<string, unknown> | null | undefined)?.[key];
    return typeof value === 'string' ? value : undefined;
  };
  return { path: `${folder}/${name}`, step: of('step'), playbook: of('playbook'), since: of('since') };
}
