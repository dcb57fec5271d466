import { matchesPatternList } from './match-pattern.ts';
import { takeToken } from './split-words.ts';

/** What the criteria of a `Match` are held against. */
export interface MatchSubject {
  /** As it is known so far: `HostName` counts once it was read. */
  readonly host: string;
  /** As the person named it. */
  readonly originalHost: string;
  readonly user: string;
  readonly localUser: string;
  /** Whether this is the second reading, which a `Match final` asks for. */
  readonly isFinal: boolean;
}

export type Matched =
  | { readonly matches: boolean; readonly asksForFinal: boolean }
  /** A criterion that is not understood decides: all the others hold. */
  | { readonly undecided: string }
  | { readonly fault: string };

// They run a program, look at the network or at things that only ssh has. Each has one argument.
const foreignCriteria = ['exec', 'localnetwork', 'tagged', 'version', 'sessiontype', 'command'];

/**
 * Whether a `Match` holds for a host.
 * @see https://github.com/openssh/openssh-portable/blob/V_9_2/readconf.c `match_cfg_line`
 * @example
 * matchCriteria('host *.example.com user deploy', subject);
 */
export function matchCriteria(line: string, subject: MatchSubject): Matched {
  let rest: string | undefined = line;
  let [matches, asksForFinal, count] = [true, false, 0];
  let foreign: string | undefined;
  const next = () => {
    const taken = rest === undefined ? undefined : takeToken(rest);
    rest = taken?.rest;
    return taken?.token;
  };
  for (let token = next(); token !== undefined && token !== '' && !token.startsWith('#'); token = next()) {
    const negated = token.startsWith('!');
    const criterion = token.slice(negated ? 1 : 0).toLowerCase();
    if (criterion === 'all') {
      const more = next();
      if (count > 1 || (more !== undefined && more !== '' && !more.startsWith('#')))
        return { fault: '"all" cannot be combined with other criteria' };
      return answer(matches && !negated, asksForFinal, foreign);
    }
    count++;
    if (criterion === 'final' || criterion === 'canonical') {
      asksForFinal ||= criterion === 'final';
      if (subject.isFinal === negated) matches = false;
      continue;
    }
    const argument = next();
    if (argument === undefined || argument === '' || argument.startsWith('#'))
      return { fault: `"${criterion}" has no value` };
    const holds = test(criterion, argument, subject);
    if (holds !== undefined) matches &&= holds !== negated;
    else if (foreignCriteria.includes(criterion)) foreign ??= criterion;
    else return { fault: `"${criterion}" is no criterion of Match` };
  }
  return count === 0 ? { fault: 'Match has no criterion' } : answer(matches, asksForFinal, foreign);
}

function answer(matches: boolean, asksForFinal: boolean, foreign: string | undefined): Matched {
  return matches && foreign !== undefined ? { undecided: foreign } : { matches, asksForFinal };
}

function test(criterion: string, patterns: string, subject: MatchSubject): boolean | undefined {
  switch (criterion) {
    case 'host':
      return matchesPatternList(patterns.toLowerCase(), subject.host.toLowerCase());
    case 'originalhost':
      return matchesPatternList(patterns.toLowerCase(), subject.originalHost.toLowerCase());
    case 'user':
      return matchesPatternList(patterns, subject.user);
    case 'localuser':
      return matchesPatternList(patterns, subject.localUser);
    default:
      return undefined;
  }
}
