import { randomBytes } from 'node:crypto';
import { chown, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ProvisionError } from '../core/errors.ts';
import { largestInventory } from './read-yaml.ts';
import { readRegularFile } from './read-regular-file.ts';
import { writeAnswers, type Answer } from './write-answers.ts';

/**
 * Puts answers into an inventory file: the old or the new file is there at every moment, with the mode and owner it had.
 * @throws ProvisionError `LOCAL` when the file cannot be written or has no room; it is then as it was
 * @example
 * await saveAnswers('inventory.yaml', [{ at: ['all', 'vars', 'certificate'], value: { option: 'private-ca' } }]);
 */
export async function saveAnswers(file: string, answers: readonly Answer[]): Promise<void> {
  try {
    // A link stays a link.
    const path = await realpath(file);
    const { content } = await readRegularFile(path, largestInventory);
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
    await replace(path, writeAnswers(text, answers));
  } catch (error) {
    if (error instanceof ProvisionError) throw error;
    const happened = `the answers could not be saved in ${file}: ${(error as Error).message}`;
    throw new ProvisionError(
      { code: 'LOCAL', happened, remedy: 'the file is as it was; write them by hand' },
      { cause: error },
    );
  }
}

async function replace(path: string, text: string): Promise<void> {
  const { mode, uid, gid } = await stat(path);
  const temporary = join(dirname(path), `.${randomBytes(8).toString('hex')}.tmp`);
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.chmod(mode & 0o7777);
      await file.sync();
    } finally {
      await file.close();
    }
    const own = await stat(temporary);
    if (own.uid !== uid || own.gid !== gid) await chown(temporary, uid, gid);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
