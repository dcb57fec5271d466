import { realpath } from 'node:fs/promises';
import { ProvisionError } from '../core/errors.ts';
import { replaceFile } from '../local/replace-file.ts';
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
    replaceFile(path, writeAnswers(text, answers), { keepsMode: true });
  } catch (error) {
    if (error instanceof ProvisionError) throw error;
    const happened = `the answers could not be saved in ${file}: ${(error as Error).message}`;
    throw new ProvisionError(
      { code: 'LOCAL', happened, remedy: 'the file is as it was; write them by hand' },
      { cause: error },
    );
  }
}
