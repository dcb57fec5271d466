import { ProvisionError } from '../core/errors.ts';
import type { Inventory } from './inventory.ts';
import { parseInventory } from './parse-inventory.ts';
import { readRegularFile } from './read-regular-file.ts';
import { largestInventory } from './read-yaml.ts';

/**
 * Reads an inventory in YAML; `file` is shown in messages as it is given.
 * @throws ProvisionError `INVENTORY` with everything that is wrong with the file, each with file:line:column
 * @example
 * const inventory = await loadInventory('inventory.yaml');
 */
export async function loadInventory(file: string): Promise<Inventory> {
  return parseInventory(await readInventoryText(file), file);
}

async function readInventoryText(file: string): Promise<string> {
  try {
    const { content } = await readRegularFile(file, largestInventory);
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch (error) {
    const happened = error instanceof TypeError ? `${file} is not UTF-8` : (error as Error).message;
    const remedy = 'give an inventory in YAML with -i; inventory.example.yaml is one to start from';
    throw new ProvisionError({ code: 'INVENTORY', happened, remedy }, { cause: error });
  }
}
