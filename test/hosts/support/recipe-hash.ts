import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Names what files and further ingredients make: it changes when one of them does. */
export function recipeHash(directory: string, ...ingredients: string[]): string {
  const hash = createHash('sha256');
  for (const path of filesIn(directory)) {
    const executable = (statSync(path).mode & 0o100) !== 0;
    hash.update(`${relative(directory, path)}\0${executable}\0`).update(readFileSync(path));
  }
  for (const ingredient of ingredients) hash.update(`\0${ingredient}`);
  return hash.digest('hex').slice(0, 12);
}

function filesIn(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
