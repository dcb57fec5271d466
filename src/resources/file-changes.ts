import type { Change } from '../core/change.ts';
import type { FileState, ReadHost } from '../core/host.ts';
import { Secret } from '../core/secret.ts';
import { outline, sha256Of, shownText, type FileContent } from './file-content.ts';

/** One file as it shall be. */
export interface WantedFile {
  readonly path: string;
  readonly content: FileContent;
  /** Four octal digits. */
  readonly mode: string;
  readonly owner: string;
  readonly group: string;
}

/** What is at a path, with the text where a person wants to see how it differs. */
export interface FoundFile extends FileState {
  readonly text?: string;
}

/** Looks at a path; reads the text only when it differs and may be shown. */
export async function findFile(host: ReadHost, want: WantedFile): Promise<FoundFile | undefined> {
  const state = await host.stat(want.path);
  if (state?.type !== 'file' || state.sha256 === sha256Of(want.content)) return state;
  if (shownText(want.content) === undefined) return state;
  const text = shownText(await host.readFile(want.path));
  return text === undefined ? state : { ...state, text };
}

/** How a file differs from what is wanted. `label` names an aspect in the report: `content`, `mode`. */
export function fileChanges(
  have: FoundFile | undefined,
  want: WantedFile,
  label: (aspect: string) => string,
): Change[] {
  if (have && have.type !== 'file') {
    return [{ type: 'value', path: label('type'), have: have.type, want: 'file' }];
  }
  const changes: Change[] = [];
  if (have?.sha256 !== sha256Of(want.content))
    changes.push(contentChange(have, want.content, label('content')));
  for (const aspect of ['mode', 'owner', 'group'] as const) {
    if (have?.[aspect] === want[aspect]) continue;
    const before = have && { have: have[aspect] };
    changes.push({ type: 'value', path: label(aspect), ...before, want: want[aspect] });
  }
  return changes;
}

function contentChange(have: FoundFile | undefined, want: FileContent, path: string): Change {
  if (want instanceof Secret) return { type: 'secret', path, have: have ? 'differs' : 'absent' };
  const text = shownText(want);
  if (text !== undefined && (!have || have.text !== undefined)) {
    return { type: 'text', path, ...(have?.text !== undefined && { have: have.text }), want: text };
  }
  const size = Buffer.byteLength(want);
  const before = have && { have: outline(have.size, have.sha256 ?? '') };
  return { type: 'value', path, ...before, want: outline(size, sha256Of(want)) };
}
