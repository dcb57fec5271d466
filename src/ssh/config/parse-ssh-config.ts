import type { Problem } from '../../core/errors.ts';
import type { SourceLocation } from '../../core/source.ts';
import type { Word } from './split-words.ts';
import { splitWords, takeToken } from './split-words.ts';

/** One line of a configuration of ssh: a keyword and its arguments, not yet understood. */
export interface Directive {
  /** In lower case. */
  readonly keyword: string;
  /** Everything behind the keyword, as it was written. */
  readonly rest: string;
  readonly words: readonly Word[];
  readonly at: SourceLocation;
  /** The files that an `Include` has found, in order. */
  readonly included?: readonly (readonly Directive[])[];
}

/**
 * The lines of a configuration of ssh; what is no line of one goes into `problems`.
 * @see ssh_config(5)
 * @example
 * parseSshConfig('Host web\n  Port 2222\n', '/home/me/.ssh/config', problems).length; // => 2
 */
export function parseSshConfig(text: string, file: string, problems: Problem[]): Directive[] {
  return text.split('\n').flatMap((line, index) => {
    const parsed = parseLine(line.replace(/[ \t\r\f]+$/, ''), { file, line: index + 1 });
    if (parsed && 'code' in parsed) problems.push(parsed);
    return parsed && 'keyword' in parsed ? [parsed] : [];
  });
}

function parseLine(raw: string, at: SourceLocation): Directive | Problem | undefined {
  const line = raw.replace(/^[ \t\r]+/, '');
  if (line === '' || line.startsWith('#')) return undefined;
  const column = raw.length - line.length + 1;
  const problem = (happened: string, remedy: string) => configProblem({ ...at, column }, happened, remedy);
  const taken = takeToken(line);
  if (!taken || taken.token === '') return problem('a line must begin with a keyword', 'correct the line');
  const keyword = taken.token.toLowerCase();
  const rest = taken.rest ?? '';
  if (rest === '') return problem(`${shown(taken.token)} has no value`, 'give one, or remove the line');
  const words = splitWords(rest);
  if (!words) return problem('a quote is not closed', 'close it on the same line');
  const behind = raw.length - rest.length;
  const placed = words.map((word) => ({ ...word, offset: word.offset + behind }));
  return { keyword, rest, words: placed, at: { ...at, column } };
}

/** A problem of a configuration of ssh. */
export function configProblem(at: SourceLocation, happened: string, remedy: string): Problem {
  return { code: 'SSH_CONFIG', at: [at], happened, remedy };
}

/** Text of a configuration as it may stand in a message. */
export function shown(text: string): string {
  const line = JSON.stringify(text)
    .slice(1, -1)
    .replace(/[\p{Cf}\x7f-\x9f]/gu, '?');
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}
