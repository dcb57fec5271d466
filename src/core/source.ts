/** A place in a file that a person wrote: inventory, playbook or template. Line and column count from 1. */
export interface SourceLocation {
  readonly file: string;
  readonly line: number;
  readonly column?: number;
}

/** `file:line:column`, as terminals and editors make it clickable. */
export function formatLocation(at: SourceLocation): string {
  return at.column === undefined ? `${at.file}:${at.line}` : `${at.file}:${at.line}:${at.column}`;
}

const frame = /(?:\(|at )(?:async )?((?:file:\/\/)?\/[^()]*?):(\d+):(\d+)\)?$/;

/**
 * Where in the user's playbook the caller was called from, innermost first: `roles/nginx-tls.ts:7 < rancher.ts:10`.
 * Frames of provision itself, of packages and of Node are left out.
 */
export function callSite(): readonly SourceLocation[] {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 40;
  const stack = new Error('call site').stack ?? '';
  Error.stackTraceLimit = limit;
  const seen = sites.get(stack) ?? Object.freeze(stack.split('\n').flatMap(placeIn));
  sites.set(stack, seen);
  return seen;
}

// A play is called for each host: there are few stacks, and each of them comes again and again.
const sites = new Map<string, readonly SourceLocation[]>();

function placeIn(line: string): SourceLocation[] {
  const match = frame.exec(line);
  if (!match) return [];
  const file = decodeURI(match[1]!.replace(/^file:\/\//, ''));
  return isOwn(file) ? [] : [{ file, line: Number(match[2]), column: Number(match[3]) }];
}

// import.meta.url is src/core/source.ts in the sources and dist/<chunk>.js in the bundle.
const ownFolder = decodeURI(import.meta.url.replace(/^file:\/\//, '')).replace(
  /(\/dist|\/src)\/[^]*$/,
  '$1/',
);

function isOwn(file: string): boolean {
  if (file.includes('/node_modules/')) return true;
  return file.startsWith(ownFolder) && !file.endsWith('.test.ts');
}
