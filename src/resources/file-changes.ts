import type { Change } from '../core/change.ts';
import type { FileState, ReadHost } from '../core/host.ts';
import { isLargeFile, type LargeFile } from '../core/large-file.ts';
import { Secret } from '../core/secret.ts';
import { outline, sha256Of, shownText, type FileContent } from './file-content.ts';

/** One file as it shall be. */
export interface WantedFile {
  readonly path: string;
  readonly content: FileContent | LargeFile;
  /** Four octal digits. */
  readonly mode: string;
  readonly owner: string;
  readonly group: string;
}

/** What is at a path, with the text where a person wants to see how it differs. */
export interface FoundFile extends FileState {
  /** Of a large file that has the wanted size: the hash that is wanted. It is not made where the size tells enough. */
  readonly wantedSha256?: string;
  readonly text?: string;
}

/** Looks at a path, unless that was done already; reads the text only when it differs and may be shown. */
export async function findFile(
  host: ReadHost,
  want: WantedFile,
  looked: Promise<FileState | undefined> = host.stat(want.path),
): Promise<FoundFile | undefined> {
  const state = await looked;
  if (isLargeFile(want.content)) return besideSource(state, want.content);
  if (state?.type !== 'file' || state.sha256 === sha256Of(want.content)) return state;
  if (shownText(want.content) === undefined) return state;
  const text = shownText(await host.readFile(want.path));
  return text === undefined ? state : { ...state, text };
}

async function besideSource(state: FileState | undefined, source: LargeFile): Promise<FoundFile | undefined> {
  if (state?.type !== 'file' || state.size !== source.size) return state;
  return { ...state, wantedSha256: await source.sha256() };
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
  const content = isLargeFile(want.content)
    ? sourceChange(have, want.content, label('content'))
    : contentChange(have, want.content, label('content'));
  if (content) changes.push(content);
  for (const aspect of ['mode', 'owner', 'group'] as const) {
    if (have?.[aspect] === want[aspect]) continue;
    const before = have && { have: have[aspect] };
    changes.push({ type: 'value', path: label(aspect), ...before, want: want[aspect] });
  }
  return changes;
}

function sourceChange(have: FoundFile | undefined, want: LargeFile, path: string): Change | undefined {
  const sha256 = have?.wantedSha256;
  if (sha256 !== undefined && sha256 === have?.sha256) return undefined;
  const before = have && { have: outline(have.size, have.sha256 ?? '') };
  const after = sha256 === undefined ? `${want.size} bytes of ${want.path}` : outline(want.size, sha256);
  return { type: 'value', path, ...before, want: after };
}

function contentChange(have: FoundFile | undefined, want: FileContent, path: string): Change | undefined {
  if (have?.sha256 === sha256Of(want)) return undefined;
  if (want instanceof Secret) return { type: 'secret', path, have: have ? 'differs' : 'absent' };
  const text = shownText(want);
  if (text !== undefined && (!have || have.text !== undefined)) {
    return { type: 'text', path, ...(have?.text !== undefined && { have: have.text }), want: text };
  }
  const size = Buffer.byteLength(want);
  const before = have && { have: outline(have.size, have.sha256 ?? '') };
  return { type: 'value', path, ...before, want: outline(size, sha256Of(want)) };
}
