import { formatProblem, type Problem } from '../core/errors.ts';
import type { SourceLocation } from '../core/source.ts';
import { sanitizeLine } from './sanitize.ts';
import type { Style } from './style.ts';

// What explains a failure stands mostly at the end of an output.
const detailLines = 20;

/**
 * A problem as people see it: one line `CODE host step — where — what happened; state of the host; what to do next`, then
 * the end of the output that explains it.
 * @example
 * problemBlock({ code: 'DNS', host: 'lb-1', happened: 'no such name', remedy: 'check host:' }, { style });
 * // => ['DNS lb-1 — no such name; check host:']
 */
export function problemBlock(
  problem: Problem,
  view: { readonly style: Style; readonly folder?: string | undefined },
): string[] {
  const { style, folder } = view;
  const line = sanitizeLine(formatProblem(shorten(problem, folder)));
  const headline = style.bad(style.strong(problem.code)) + line.slice(problem.code.length);
  return [headline, ...detailOf(problem, style)];
}

/** Where in the playbook, with files inside `folder` relative to it. */
export function shortLocations(at: readonly SourceLocation[], folder: string | undefined): SourceLocation[] {
  if (folder === undefined) return [...at];
  const prefix = folder.endsWith('/') ? folder : `${folder}/`;
  return at.map((place) => ({
    ...place,
    file: place.file.startsWith(prefix) ? place.file.slice(prefix.length) : place.file,
  }));
}

function shorten(problem: Problem, folder: string | undefined): Problem {
  return problem.at ? { ...problem, at: shortLocations(problem.at, folder) } : problem;
}

function detailOf(problem: Problem, style: Style): string[] {
  if (problem.detail === undefined) return [];
  // Programs on a host that believe to write to a terminal end their lines with a carriage return.
  const lines = problem.detail
    .replace(/(?:\r|\\r)$/gm, '')
    .trimEnd()
    .split('\n')
    .map(sanitizeLine);
  const hidden = lines.length - detailLines;
  const shown =
    hidden > 0 ? [`${style.ellipsis} ${hidden} lines before`, ...lines.slice(-detailLines)] : lines;
  return shown.map((line) => style.dim(`  ${style.bar} ${line}`));
}
