import type { ReadHost } from '../core/host.ts';
import type { Plan } from '../core/plan.ts';
import { notesOfOthers, type DueNote } from './due-note.ts';
import type { WorkUnit } from './executor.ts';
import type { Notice } from './unit-reporter.ts';

/**
 * What a person should know of notes on the host that no step of the playbook answers to, chosen or not: a step was renamed or
 * removed after a run had died, or another playbook has left it. Nothing is done about them: what is due is known by its name
 * only, and a note that were forgotten here might be that of somebody who still wants the action.
 */
export async function strayNotices(
  host: ReadHost,
  plan: Plan,
  { host: name, playbook }: Pick<WorkUnit, 'host' | 'playbook'>,
): Promise<Notice[]> {
  const steps = plan.plays.flatMap((play) => play.hosts.filter((own) => own.host === name));
  const actions = steps.flatMap((own) => own.steps).filter(({ type }) => type === 'onChange');
  const notes = await notesOfOthers(
    host,
    actions.map(({ id }) => id),
  );
  return notes.map((note) => noticeOf(note, playbook));
}

function noticeOf({ path, step, playbook, since }: DueNote, own: string | undefined): Notice {
  const what = step === undefined ? 'an action that its note does not name' : `"${step}"`;
  const due = `${what} is due since ${since ?? 'an earlier run'}`;
  if (playbook !== undefined && playbook !== own) {
    const text = `${due} for the playbook ${playbook}, whose next run does it; if it has none, remove the note on the host: rm ${path}`;
    return { level: 'info', text };
  }
  const remedy = `do it by hand if it is still needed, then remove the note on the host: rm ${path}`;
  return {
    level: 'warning',
    text: `${due}, but no step of ${own ?? 'the playbook'} does it any more, and it is not done: ${remedy}`,
  };
}
