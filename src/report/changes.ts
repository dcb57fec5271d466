import type { StructuredPatch } from 'diff';
import type { Change, Json } from '../core/change.ts';
import { sanitizeLine } from './sanitize.ts';
import type { Style } from './style.ts';

/** Changes as lines for people. */
export type RenderChanges = (changes: readonly Change[]) => string[];

const limits = { timeoutMs: 300, lines: 200, valueLength: 120 };

/**
 * Makes the renderer of changes: values as `mode: 0644 → 0600`, texts as a unified diff when `showDiff` is set.
 * A secret shows that it differs and nothing more. The texts must be clean already: masked and harmless.
 * @example
 * const renderChanges = await createChangeRenderer({ showDiff: true, style });
 * renderChanges([{ type: 'value', path: 'mode', have: '0644', want: '0600' }]); // => ['mode: 0644 → 0600']
 */
export async function createChangeRenderer(options: {
  readonly showDiff: boolean;
  readonly style: Style;
}): Promise<RenderChanges> {
  const { style } = options;
  // Only a run that shows diffs pays for loading the package.
  const structuredPatch = options.showDiff ? (await import('diff')).structuredPatch : undefined;
  const patchOf = (have: string, want: string) =>
    structuredPatch?.('', '', have, want, '', '', { context: 3, timeout: limits.timeoutMs });
  return (changes) =>
    changes.flatMap((change) => {
      switch (change.type) {
        case 'value':
          return [`${change.path}: ${valueOf(change.have)} ${style.arrow} ${valueOf(change.want)}`];
        case 'secret':
          return [secretLine(change.path, change.have)];
        case 'unknown':
          return [`${change.path}: known after apply`];
        case 'text':
          return textLines(change, style, structuredPatch ? patchOf : undefined);
      }
    });
}

function secretLine(path: string, have: 'absent' | 'differs'): string {
  return have === 'absent' ? `${path} is absent (secret)` : `${path} differs (secret)`;
}

function valueOf(value: Json | undefined): string {
  if (value === undefined) return 'absent';
  const text = typeof value === 'string' && value !== '' ? value : JSON.stringify(value);
  const line = sanitizeLine(text);
  return line.length > limits.valueLength ? `${line.slice(0, limits.valueLength)}…` : line;
}

function textLines(
  change: Change & { type: 'text' },
  style: Style,
  patchOf: ((have: string, want: string) => StructuredPatch | undefined) | undefined,
): string[] {
  const { path, have = '', want = '' } = change;
  // Both sides came through the mask: what is equal now differed in a secret only.
  if (have === want && change.have !== undefined && change.want !== undefined) {
    return [secretLine(path, 'differs')];
  }
  const summary = `${path}: ${lineCount(change.have)} ${style.arrow} ${lineCount(change.want)}`;
  if (!patchOf) return [summary];
  const patch = patchOf(have, want);
  if (!patch) return [`${summary}; too different to show line by line`];
  return [summary, ...patchLines(patch, style)];
}

function lineCount(text: string | undefined): string {
  if (text === undefined) return 'absent';
  const count = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  return `${count} ${count === 1 ? 'line' : 'lines'}`;
}

function patchLines(patch: StructuredPatch, style: Style): string[] {
  const lines = patch.hunks.flatMap((hunk) => [
    style.dim(`@@ -${range(hunk.oldStart, hunk.oldLines)} +${range(hunk.newStart, hunk.newLines)} @@`),
    ...hunk.lines.map((line) => paintLine(sanitizeLine(line.replaceAll('\t', '    ')), style)),
  ]);
  if (lines.length <= limits.lines) return lines;
  return [
    ...lines.slice(0, limits.lines),
    style.dim(`${style.ellipsis} ${lines.length - limits.lines} more lines`),
  ];
}

/** By convention an empty side begins at the line before. */
function range(start: number, count: number): string {
  return `${count === 0 ? start - 1 : start},${count}`;
}

function paintLine(line: string, style: Style): string {
  if (line.startsWith('+')) return style.good(line);
  return line.startsWith('-') ? style.bad(line) : line;
}
