import { dirname, resolve } from 'node:path';
import { throwProblems, type Problem } from '../core/errors.ts';
import { unsafeCharacter } from '../core/fields/safe-text.ts';
import type { Inventory } from './inventory.ts';
import { readGroups } from './read-groups.ts';
import { readYaml } from './read-yaml.ts';
import { describeNode, type YamlEntry } from './yaml-node.ts';

/**
 * An inventory from its text; `file` is for messages and for the folder that relative paths start from.
 * @throws ProvisionError `INVENTORY` with everything that is wrong with the text, each with file:line:column
 * @example
 * parseInventory('web: { hosts: { web-1: { host: 10.0.0.5 } } }', 'inventory.yaml').hosts.size; // => 1
 */
export function parseInventory(text: string, file: string): Inventory {
  const problems: Problem[] = [];
  const root = readYaml(text, file, problems);
  if (root?.type !== 'map') {
    const happened = 'an inventory is a mapping of groups';
    if (root)
      problems.push({ code: 'INVENTORY', at: [{ file, line: 1, column: 1 }], happened, remedy: shape });
    throwProblems(problems);
    throw new Error('a text without a value has a problem');
  }
  const folder = resolve(dirname(file));
  const { groups, hosts } = readGroups(root, problems);
  const playbook = root.entries.get('playbook');
  const path = playbook && readPath('playbook', 'site.ts', playbook, problems);
  const identity = root.entries.get('age_identity');
  const ageIdentity =
    identity && readPath('age_identity', '~/.config/provision/identity.txt', identity, problems);
  throwProblems(problems);
  return {
    file,
    folder,
    groups,
    hosts,
    ...(playbook && path !== undefined && { playbook: { path: resolve(folder, path), at: playbook.at } }),
    ...(ageIdentity !== undefined && { ageIdentity }),
  };
}

const shape = 'start with the name of a group, then "hosts:" below it, then a host below that';

function readPath(
  key: string,
  example: string,
  { at, node }: YamlEntry,
  problems: Problem[],
): string | undefined {
  if (node.type === 'scalar' && typeof node.value === 'string' && node.value !== '') {
    const unsafe = unsafeCharacter(node.value);
    if (!unsafe) return node.value;
    problems.push({ code: 'INVENTORY', at: [at], happened: `${key}: holds ${unsafe}` });
  } else {
    const happened = `${key}: must be the path of a file, found ${describeNode(node)}`;
    problems.push({
      code: 'INVENTORY',
      at: [at],
      happened,
      remedy: `write, for example: ${key}: ${example}`,
    });
  }
  return undefined;
}
