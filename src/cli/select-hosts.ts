import { resolve } from 'node:path';
import { ProvisionError } from '../core/errors.ts';
import { hostListsIn, matchHosts, type HostLists } from '../inventory/host-pattern.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { readRegularFile } from '../inventory/read-regular-file.ts';

/** Which hosts of an inventory a person wants; nothing said means all. */
export interface HostSelection {
  /** Patterns of the hosts that count. */
  readonly limit?: readonly string[];
  /** Patterns of hosts that do not, whatever `limit` says. */
  readonly exclude?: readonly string[];
}

/** The hosts that failed in the last run, which `@failed` stands for. */
export type FailedHosts = () => Promise<readonly string[]>;

const largestList = 1_000_000;

/**
 * The hosts that are chosen, in the order of the inventory; undefined when nobody has chosen any.
 * @throws ProvisionError `SELECTION` for patterns that are wrong or choose nothing, and when no host is left
 */
export async function selectHosts(
  inventory: Inventory,
  { limit = [], exclude = [] }: HostSelection,
  failedHosts: FailedHosts = noRecord,
): Promise<ReadonlySet<string> | undefined> {
  if (limit.length === 0 && exclude.length === 0) return undefined;
  const lists = await readLists(hostListsIn([...limit, ...exclude]), failedHosts);
  const wanted =
    limit.length === 0
      ? [...inventory.hosts.keys()]
      : matchHosts(limit, inventory, { option: '--limit', lists });
  const unwanted = new Set(
    exclude.length === 0 ? [] : matchHosts(exclude, inventory, { option: '--exclude', lists }),
  );
  const chosen = wanted.filter((host) => !unwanted.has(host));
  if (chosen.length === 0) throw noHostLeft({ limit, exclude });
  return new Set(chosen);
}

async function readLists(names: readonly string[], failedHosts: FailedHosts): Promise<HostLists> {
  const lists = new Map<string, readonly string[]>();
  for (const name of names)
    lists.set(name, name === 'failed' ? await failedHosts() : await readList(resolve(name)));
  return lists;
}

async function readList(path: string): Promise<readonly string[]> {
  try {
    const { content } = await readRegularFile(path, largestList);
    const text = new TextDecoder('utf-8', { fatal: true }).decode(content);
    return text
      .split(/\r?\n/)
      .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
      .filter((line) => line !== '');
  } catch (error) {
    const happened = error instanceof TypeError ? `${path} is not UTF-8` : (error as Error).message;
    const remedy = 'give a file with a pattern a line; @failed are the hosts that failed in the last run';
    throw selectionError(`a list of hosts: ${happened}`, remedy);
  }
}

async function noRecord(): Promise<never> {
  throw selectionError('there is no record of a last run for @failed', 'name the hosts, or give @FILE');
}

function noHostLeft({ limit, exclude }: Required<HostSelection>): ProvisionError {
  const said = [
    ...limit.map((pattern) => `--limit ${pattern}`),
    ...exclude.map((pattern) => `--exclude ${pattern}`),
  ];
  return selectionError(`${said.join(' ')} leaves no host`, 'choose others');
}

function selectionError(happened: string, remedy: string): ProvisionError {
  return new ProvisionError({ code: 'SELECTION', happened, hostState: 'nothing was contacted', remedy });
}
