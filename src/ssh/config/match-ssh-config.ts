import type { Problem } from '../../core/errors.ts';
import { formatLocation, type SourceLocation } from '../../core/source.ts';
import { didYouMean } from '../../core/suggest.ts';
import { foreignKeyword, foreignKeywords } from './keywords.ts';
import type { SshConfig } from './load-ssh-config.ts';
import { matchCriteria } from './match-criteria.ts';
import { matchesPattern, matchesPatternList } from './match-pattern.ts';
import type { Directive } from './parse-ssh-config.ts';
import { configProblem, shown } from './parse-ssh-config.ts';
import type { OwnKeyword, Read, ValueOf } from './read-value.ts';
import { aliases, readers, unsaid } from './read-value.ts';

/** What somebody wants to reach, and what is settled before any file is read. */
export interface ConfigQuery {
  /** As the person named it. */
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
  /** True when the way there is settled: `ProxyJump` and `ProxyCommand` mean nothing then. */
  readonly hasJump?: boolean;
  readonly localUser: string;
}

/** A value, and the line that it comes from. */
export interface Placed<T> {
  readonly value: T;
  readonly at: SourceLocation;
}

/** What a configuration says about one host, as it was written: no path is whole yet. */
export interface MatchedConfig {
  /** After `HostName`, in lower case. */
  readonly host: Placed<string> | { readonly value: string };
  readonly first: { readonly [K in OwnKeyword]?: Placed<ValueOf<K>> };
  readonly identityFiles: readonly Placed<string>[];
  readonly certificateFiles: readonly Placed<string>[];
  readonly problems: readonly Problem[];
  /** What is left out, and would matter to some: one sentence each. */
  readonly warnings: readonly { readonly at: SourceLocation; readonly text: string }[];
}

/**
 * What a configuration says about one host. Pure.
 * @see ssh_config(5)
 * @example
 * matchSshConfig(config, { host: 'web-1', localUser: 'me' }).first.port?.value; // => 2222
 */
export function matchSshConfig(config: SshConfig, query: ConfigQuery): MatchedConfig {
  const matcher = new Matcher(query);
  matcher.read(config);
  return matcher.result();
}

type Lists = Record<'identityfile' | 'certificatefile', Placed<string>[]>;

class Matcher {
  readonly #query: ConfigQuery;
  readonly #first = new Map<string, Placed<unknown>>();
  readonly #lists: Lists = { identityfile: [], certificatefile: [] };
  /** Where keywords that are not ours stand first. */
  readonly #foreign = new Map<string, SourceLocation>();
  readonly #problems = new Map<string, Problem>();
  readonly #warnings = new Map<string, { at: SourceLocation; text: string }>();
  /** The host of the second reading; undefined during the first one. */
  #final: string | undefined;
  #asksForFinal = false;

  constructor(query: ConfigQuery) {
    this.#query = query;
  }

  read(config: SshConfig): void {
    for (const file of config.files) this.#read(file, true, true);
    if (!this.#asksForFinal) return;
    this.#final = this.#hostSoFar().toLowerCase();
    for (const file of config.files) this.#read(file, true, true);
  }

  result(): MatchedConfig {
    const hostName = this.#first.get('hostname') as Placed<string> | undefined;
    const value = this.#hostSoFar().toLowerCase();
    return {
      host: hostName ? { value, at: hostName.at } : { value },
      first: Object.fromEntries(this.#first),
      identityFiles: this.#lists.identityfile,
      certificateFiles: this.#lists.certificatefile,
      problems: [...this.#problems.values()],
      warnings: [...this.#warnings.values()],
    };
  }

  /** `reachable` is false inside of an include that is itself in a block for other hosts. */
  #read(directives: readonly Directive[], startsActive: boolean, reachable: boolean): void {
    let active = startsActive;
    for (const directive of directives) {
      if (directive.keyword === 'host') active = reachable && this.#matchesHost(directive);
      else if (directive.keyword === 'match')
        active = this.#matchesCriteria(directive, reachable) && reachable;
      else if (directive.keyword !== 'include') this.#take(directive, active);
      for (const file of directive.included ?? []) this.#read(file, active, reachable && active);
    }
  }

  #matchesHost(directive: Directive): boolean {
    const name = this.#final ?? this.#query.host;
    let active = false;
    for (const { text } of directive.words) {
      if (text === '') this.#report(directive, 'Host has an empty pattern', 'remove it');
      const negated = text.startsWith('!');
      if (!matchesPattern(negated ? text.slice(1) : text, name)) continue;
      if (negated) return false;
      active = true;
    }
    return active;
  }

  #matchesCriteria(directive: Directive, reachable: boolean): boolean {
    const user = this.#first.get('user')?.value as string | undefined;
    const matched = matchCriteria(directive.rest, {
      host: this.#final ?? this.#hostSoFar(),
      originalHost: this.#query.host,
      user: this.#query.user ?? user ?? this.#query.localUser,
      localUser: this.#query.localUser,
      isFinal: this.#final !== undefined,
    });
    if ('fault' in matched) {
      this.#report(directive, matched.fault, 'correct the line');
      return false;
    }
    if ('undecided' in matched) {
      const happened = `whether this counts for ${this.#query.host} depends on "${matched.undecided}", which is not looked at`;
      const remedy = 'exclude the host with "!host" in the same line, or say it without this criterion';
      if (reachable) this.#report(directive, happened, remedy);
      return false;
    }
    this.#asksForFinal ||= matched.asksForFinal;
    return matched.matches;
  }

  #take(directive: Directive, active: boolean): void {
    const keyword = aliases.get(directive.keyword) ?? directive.keyword;
    if (Object.hasOwn(readers, keyword)) this.#takeOwn(keyword as OwnKeyword, directive, active);
    else if (active) this.#takeForeign(directive);
    else if (!foreignKeyword(keyword)) this.#unknown(directive);
  }

  #takeOwn(keyword: OwnKeyword, directive: Directive, active: boolean): void {
    const read: Read<unknown> = readers[keyword](
      directive.words.map(({ text }) => text),
      directive.rest,
    );
    const at = { ...directive.at, column: (directive.words[0]?.offset ?? 0) + 1 };
    if ('fault' in read) {
      this.#report(directive, `${directive.keyword} ${read.fault}`, 'see "man ssh_config"');
    } else if (!active || read.value === unsaid || (keyword === 'hostname' && this.#final !== undefined)) {
      // Which host it is does not change any more during the second reading.
      return;
    } else if (keyword === 'identityfile' || keyword === 'certificatefile') {
      const list = this.#lists[keyword];
      const value = read.value as string;
      if (!list.some((other) => other.value === value)) list.push({ value, at });
    } else if (keyword === 'proxyjump' && (this.#query.hasJump || this.#first.has('proxycommand'))) {
      return;
    } else if (!this.#first.has(keyword)) {
      this.#first.set(keyword, { value: read.value, at });
    }
  }

  #takeForeign(directive: Directive): void {
    const { keyword, at } = directive;
    const value = directive.words[0]?.text.toLowerCase() ?? '';
    if (keyword === 'ignoreunknown' || keyword === 'proxycommand') {
      const settled = keyword === 'proxycommand' && (this.#query.hasJump || this.#first.has('proxyjump'));
      if (settled || this.#first.has(keyword)) return;
      this.#first.set(keyword, { value: directive.words[0]?.text ?? '', at });
    }
    const known = foreignKeyword(keyword);
    if (!known) return void this.#unknown(directive);
    if (known.treatment === 'ignored') return;
    // As everywhere, the first value counts: a later one says nothing.
    const seen = this.#foreign.get(keyword);
    this.#foreign.set(keyword, seen ?? at);
    if ((seen && seen !== at) || known.harmless.includes(value)) return;
    if (known.treatment === 'refused') {
      this.#report(
        directive,
        `${keyword} for ${this.#query.host} is not supported: ${known.why}`,
        known.remedy,
      );
    } else {
      const text = `${keyword} is left out: ${known.why}`;
      this.#warnings.set(formatLocation(at), { at, text });
    }
  }

  #unknown(directive: Directive): void {
    const ignore = this.#first.get('ignoreunknown')?.value as string | undefined;
    const { keyword } = directive;
    if (ignore !== undefined && matchesPatternList(ignore.toLowerCase(), keyword)) return;
    const near = didYouMean(keyword, [
      ...Object.keys(readers),
      ...foreignKeywords,
      'host',
      'match',
      'include',
    ]);
    const remedy = near === undefined ? 'remove it, or name it in IgnoreUnknown' : `did you mean "${near}"?`;
    this.#report(directive, `"${shown(keyword)}" is no keyword of ssh_config`, remedy);
  }

  #report({ at }: Directive, happened: string, remedy: string): void {
    this.#problems.set(`${formatLocation(at)} ${happened}`, configProblem(at, happened, remedy));
  }

  #hostSoFar(): string {
    const given = this.#first.get('hostname')?.value as string | undefined;
    const { host } = this.#query;
    return given?.replace(/%([%h])/g, (_, token) => (token === 'h' ? host : '%')) ?? host;
  }
}
