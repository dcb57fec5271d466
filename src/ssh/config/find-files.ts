import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The files that a pattern of `Include` names, in the order of their bytes: `*`, `?` and `[a-z]` in any part of the path, and none
 * of them finds a name that begins with a dot.
 * @see glob(7)
 * @example
 * await findFiles('/home/me/.ssh/config.d/*.conf');
 */
export async function findFiles(pattern: string): Promise<string[]> {
  const parts = pattern.split('/').filter((part) => part !== '');
  let found = ['/'];
  for (const part of parts) {
    const lists = await Promise.all(found.map((folder) => inFolder(folder, part)));
    found = lists.flat();
  }
  return found.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

async function inFolder(folder: string, part: string): Promise<string[]> {
  if (!/[*?[\\]/.test(part)) {
    const path = join(folder, part);
    return (await exists(path)) ? [path] : [];
  }
  const names = await readdir(folder).catch(() => []);
  const matches = nameTest(part);
  return names
    .filter((name) => matches(name) && (part.startsWith('.') || !name.startsWith('.')))
    .map((name) => join(folder, name));
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

type Piece = '*' | ((character: string) => boolean);

function nameTest(part: string): (name: string) => boolean {
  const pieces = piecesOf(part);
  return (name) => fits(pieces, Array.from(name));
}

/** Row by row over the name, so that no pattern takes longer than its length times that of the name. */
function fits(pieces: readonly Piece[], characters: readonly string[]): boolean {
  let open = new Set([0]);
  const skipStars = (from: Set<number>) => {
    for (const at of from) if (pieces[at] === '*') from.add(at + 1);
    return from;
  };
  skipStars(open);
  for (const character of characters) {
    const next = new Set<number>();
    for (const at of open) {
      const piece = pieces[at];
      if (piece === '*') next.add(at);
      else if (piece?.(character)) next.add(at + 1);
    }
    open = skipStars(next);
  }
  return open.has(pieces.length);
}

function piecesOf(part: string): Piece[] {
  const pieces: Piece[] = [];
  const token = /\\(.)|\[([!^]?)(\]?[^\]]*)\]|([^])/gsu;
  for (const [, escaped, not, set, plain] of part.matchAll(token)) {
    if (escaped !== undefined) pieces.push((character) => character === escaped);
    else if (set !== undefined) pieces.push((character) => inSet(set, character) === (not === ''));
    else if (plain === '*') pieces.push('*');
    else if (plain === '?') pieces.push(() => true);
    else pieces.push((character) => character === plain);
  }
  return pieces;
}

function inSet(set: string, character: string): boolean {
  for (const [, from, to, single] of set.matchAll(/([^])-([^])|([^])/gsu)) {
    if (single !== undefined ? single === character : from! <= character && character <= to!) return true;
  }
  return false;
}
