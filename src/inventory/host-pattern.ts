import { throwProblems, type Problem } from '../core/errors.ts';
import { globMatcher } from '../core/glob.ts';
import { linearRegExp } from '../core/linear-regexp.ts';
import { didYouMean } from '../core/suggest.ts';
import { GroupTree } from './group-tree.ts';
import type { Inventory } from './inventory.ts';

/** What stands behind `@` in a pattern: the lines of each list, by its name. */
export type HostLists = ReadonlyMap<string, readonly string[]>;

/** Names of the lists that patterns refer to: `failed` of `@failed`, paths of files. */
export function hostListsIn(patterns: readonly string[]): string[] {
  const bodies = patterns.flatMap(splitPattern).map((term) => parseTerm(term).body);
  return [...new Set(bodies.filter((body) => body.startsWith('@')).map((body) => body.slice(1)))];
}

/**
 * The hosts that patterns in the language of Ansible choose, in the order of the inventory. All unions come first, then
 * what is intersected (`&`), then what is taken away (`!`), wherever they stand; with no union, all hosts are the start.
 * @param option what a problem calls it: `--limit`
 * @throws ProvisionError `SELECTION` with every pattern that is wrong or that chooses nothing
 * @example
 * matchHosts(['lb:!lb-2', 'web*'], inventory, { option: '--limit', lists: new Map() });
 */
export function matchHosts(
  patterns: readonly string[],
  inventory: Inventory,
  { option, lists }: { readonly option: string; readonly lists: HostLists },
): string[] {
  const matcher = new HostMatcher(inventory, lists, option);
  const chosen = matcher.evaluate(patterns);
  // An empty variable of a script must not mean all hosts, nor that none is excluded.
  if (patterns.some((pattern) => splitPattern(pattern).length === 0)) matcher.refuseEmpty();
  throwProblems(matcher.problems);
  return [...inventory.hosts.keys()].filter((host) => chosen.has(host));
}

interface Term {
  readonly operator: 'union' | 'intersection' | 'exclusion';
  /** A name, a glob, `~` and a regular expression, or `@` and a list. */
  readonly body: string;
}

/** At commas, else at colons, as in Ansible; never inside of brackets. An IPv6 address is one pattern. */
function splitPattern(text: string): string[] {
  const isAddress = /^[!&]?[0-9a-f]*:[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text);
  const separator = text.includes(',') ? ',' : isAddress ? '' : ':';
  const terms: string[] = [];
  let term = '';
  let isInSet = false;
  for (const char of `${text}${separator}`) {
    isInSet = char === '[' || (isInSet && char !== ']');
    if (char === separator && !isInSet) {
      terms.push(term.trim());
      term = '';
    } else term += char;
  }
  return [...terms, term.trim()].filter((each) => each !== '');
}

function parseTerm(term: string): Term {
  if (term.startsWith('!')) return { operator: 'exclusion', body: term.slice(1).trim() };
  if (term.startsWith('&')) return { operator: 'intersection', body: term.slice(1).trim() };
  return { operator: 'union', body: term };
}

class HostMatcher {
  readonly problems: Problem[] = [];
  readonly #hosts: readonly string[];
  readonly #groups: ReadonlyMap<string, readonly string[]>;
  readonly #lists: HostLists;
  readonly #option: string;

  constructor(inventory: Inventory, lists: HostLists, option: string) {
    this.#hosts = [...inventory.hosts.keys()];
    this.#groups = membersOf(inventory);
    this.#lists = lists;
    this.#option = option;
  }

  evaluate(patterns: readonly string[], inList?: string): ReadonlySet<string> {
    const terms = patterns.flatMap(splitPattern).map(parseTerm);
    // The lines of a list that is united stand as if they were written here, as in Ansible.
    const spliced = terms.flatMap((term) => {
      const lines = term.operator === 'union' ? this.#linesOf(term.body, inList) : undefined;
      return lines ? lines.flatMap(splitPattern).map(parseTerm) : [term];
    });
    const isNarrowed = spliced.length > 0 && spliced.every(({ operator }) => operator !== 'union');
    const sets = { union: new Set(isNarrowed ? this.#hosts : []), intersection: [], exclusion: [] } as {
      union: Set<string>;
      intersection: ReadonlySet<string>[];
      exclusion: ReadonlySet<string>[];
    };
    for (const { operator, body } of spliced) {
      const found = this.#match(body, inList);
      if (operator === 'union') for (const host of found) sets.union.add(host);
      else sets[operator].push(found);
    }
    const chosen = [...sets.union].filter(
      (host) =>
        sets.intersection.every((set) => set.has(host)) && !sets.exclusion.some((set) => set.has(host)),
    );
    return new Set(chosen);
  }

  refuseEmpty(): void {
    this.#report('a pattern is empty', 'name hosts or groups, or leave the option out');
  }

  #match(body: string, inList: string | undefined): ReadonlySet<string> {
    const lines = this.#linesOf(body, inList);
    if (lines) return this.evaluate(lines, body);
    if (body.startsWith('~')) return new Set(this.#matchRegExp(body));
    // A host that is named like its group is the host, as in Ansible.
    if (this.#hosts.includes(body)) return new Set([body]);
    return new Set(this.#matchName(body));
  }

  #linesOf(body: string, inList: string | undefined): readonly string[] | undefined {
    if (!body.startsWith('@')) return undefined;
    if (inList !== undefined) {
      this.#report(`${inList} names another list, ${body}`, 'write patterns into it, one a line');
      return [];
    }
    return (this.#lists.get(body.slice(1)) ?? []).filter((line) => line.trim() !== '');
  }

  #matchRegExp(body: string): readonly string[] {
    try {
      return this.#like(body, linearRegExp(body.slice(1)), true);
    } catch (error) {
      this.#report(
        `${body} is not a regular expression that is understood: ${(error as Error).message}`,
        'correct it; "!", "&", ":" and "," divide patterns before it is read',
      );
      return [];
    }
  }

  #matchName(body: string): readonly string[] {
    const subscript = /^(.+)\[(-?\d+|\d+:\d*)\]$/.exec(body);
    if (!subscript && /\[[^\]]*:[^\]]*\]$/.test(body)) {
      this.#report(`${body} has no range that is understood`, 'write [0:2], [2:] or [-1]');
      return [];
    }
    if (!subscript) return this.#like(body, globMatcher(body), /[*?[.]/.test(body));
    const base = subscript[1]!;
    const all = this.#like(base, globMatcher(base), /[*?[.]/.test(base));
    const picked = pick(all, subscript[2]!);
    if (all.length > 0 && picked.length === 0)
      this.#report(`${body} chooses none of the ${all.length} hosts of ${base}`, 'the first one is [0]');
    return picked;
  }

  /** Members of the groups that are like it; and hosts, unless it is the plain name of a group. */
  #like(body: string, isLike: (name: string) => boolean, isOpen: boolean): readonly string[] {
    const groups = [...this.#groups.keys()].filter(isLike);
    const found = new Set(groups.flatMap((group) => this.#groups.get(group)!));
    if (groups.length === 0 || isOpen) for (const host of this.#hosts.filter(isLike)) found.add(host);
    if (found.size === 0 && groups.length === 0) {
      const near = didYouMean(body, [...this.#hosts, ...this.#groups.keys()]);
      const known = [...this.#groups.keys()].join(', ');
      this.#report(
        `no host and no group of the inventory is called ${body}`,
        near === undefined ? `its groups are: ${known}` : `did you mean "${near}"?`,
      );
    }
    return this.#hosts.filter((host) => found.has(host));
  }

  #report(happened: string, remedy: string): void {
    this.problems.push({
      code: 'SELECTION',
      happened: `${this.#option}: ${happened}`,
      hostState: 'nothing was contacted',
      remedy,
    });
  }
}

/** Each group with the hosts of its children, in the order of the inventory; `ungrouped` as Ansible has it. */
function membersOf(inventory: Inventory): Map<string, readonly string[]> {
  const tree = new GroupTree(inventory);
  const groups = new Map([...inventory.groups.keys()].map((name) => [name, tree.members(name)]));
  const ungrouped = [...inventory.hosts.keys()].filter((host) => tree.groupsOf(host).length === 1);
  if (ungrouped.length > 0 && !groups.has('ungrouped')) groups.set('ungrouped', ungrouped);
  return groups;
}

/** `0`, `-1`, `1:3` (both ends count) or `1:`. */
function pick(hosts: readonly string[], subscript: string): readonly string[] {
  const [from, to] = subscript.split(':');
  const start = Number(from);
  if (to === undefined) return hosts.at(start) === undefined ? [] : [hosts.at(start)!];
  return hosts.slice(start, to === '' ? undefined : Number(to) + 1);
}
