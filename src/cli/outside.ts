import { homedir, userInfo } from 'node:os';
import { resolve } from 'node:path';
import { absolutePath } from '../inventory/absolute-path.ts';
import { AgeFiles, type AskSecret } from '../inventory/age-files.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { OutsideWorld } from '../inventory/outside-world.ts';
import { secretVariables } from '../inventory/secret-variables.ts';

// As it was at the start: variables that hold secrets are taken out of the process's own before anything is run.
const environment = { ...process.env };

/**
 * What the command line knows of the machine that it runs on; everything below it is told, and never looks. From here on the
 * variables in which the inventory finds secrets are in the environment of no program that is run. Make it once a run: a
 * person is asked once for each secret, and an encrypted file is opened once.
 * @param options `askSecret` when a person is there
 */
export function outsideOf(
  inventory: Inventory,
  options: { readonly ageIdentity?: string | undefined; readonly askSecret?: AskSecret | undefined } = {},
): Omit<OutsideWorld, 'readOnly'> {
  for (const name of secretVariables(inventory)) Reflect.deleteProperty(process.env, name);
  const ask = options.askSecret && askingOnce(options.askSecret);
  return {
    environment,
    commandEnvironment: { ...process.env },
    ageFiles: new AgeFiles({ identity: identityOf(inventory, options.ageIdentity), ask }),
    ...(ask && { askSecret: ask }),
    home: homedir(),
    user: userInfo().username,
    now: new Date(),
  };
}

function askingOnce(ask: AskSecret): AskSecret {
  const answers = new Map<string, string>();
  return async (text) => {
    const answer = answers.get(text) ?? (await ask(text));
    answers.set(text, answer);
    return answer;
  };
}

/** What stands nearest to the person wins: the command line, then the environment, then the inventory. */
function identityOf(inventory: Inventory, argument: string | undefined): string | undefined {
  const given = argument ?? environment['PROVISION_AGE_IDENTITY'];
  if (given !== undefined && given !== '') return resolve(given);
  const { ageIdentity, folder } = inventory;
  return ageIdentity === undefined ? undefined : absolutePath(ageIdentity, folder, homedir());
}
