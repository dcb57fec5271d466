import { Secret } from '../core/secret.ts';

/** The language of the file that a template makes. */
export type Dialect = 'plain' | 'nginx';

/** Why a value is refused, worded to follow its name, and what to do about it. It never holds the value itself. */
export interface Refusal {
  readonly happened: string;
  readonly remedy: string;
}

/** Says why a value cannot be printed at the place of a tag, or nothing when it can. */
export function refuseScalar(value: unknown, dialect: Dialect): Refusal | undefined {
  if (typeof value === 'boolean') return undefined;
  if (typeof value === 'number')
    return Number.isFinite(value) ? undefined : { happened: `is ${value}`, remedy: 'give a finite number' };
  if (typeof value !== 'string') return refuseType(value);
  return (
    refuseCharacter(value, notOneLine, oneLine) ?? (dialect === 'nginx' ? refuseInNginx(value) : undefined)
  );
}

/** Says why a value cannot switch a section on or off, or nothing when it can. */
export function refuseCondition(value: unknown): Refusal | undefined {
  if (typeof value === 'boolean' || typeof value === 'string' || value === null) return undefined;
  if (typeof value === 'object' && !(value instanceof Secret)) return undefined;
  if (typeof value !== 'number') return refuseType(value);
  return { happened: 'is a number, of which a section would take 0 for "no"', remedy: 'give true or false' };
}

// Control characters, line and paragraph separators, and halves of a character that UTF-8 cannot hold.
const notOneLine = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u;
const oneLine: Refusal = {
  happened: 'and a value is one line of text',
  remedy: 'for several lines give a list, and print it with a section',
};

// nginx ends a word at white space, `;` and `{`; quotes, backslash, `$` and `#` change how it reads what follows.
// Invisible characters are refused because the file would not be what a reviewer sees.
const wordBreak = /[\s;{}"'$#\\\p{Cf}]/u;
const wordOnly: Refusal = {
  happened: 'which could end the nginx directive and begin another one',
  remedy: 'give a value without white space, quotes and any of ; { } $ # \\',
};

/** A name that begins with one of these is a pattern to `server_name`, `map` and `location`, and would match more than itself. */
const patternMark = /^[~*=^.]/u;

function refuseInNginx(value: string): Refusal | undefined {
  if (value === '')
    return { happened: 'is empty', remedy: 'give it a value, or put its directive into a section' };
  if (patternMark.test(value)) {
    return {
      happened: `begins with "${value.charAt(0)}", which nginx can take for a pattern`,
      remedy: 'give a plain value; a pattern belongs into the template itself',
    };
  }
  return refuseCharacter(value, wordBreak, wordOnly);
}

function refuseCharacter(value: string, refused: RegExp, because: Refusal): Refusal | undefined {
  const match = refused.exec(value);
  if (!match) return undefined;
  const happened = `holds ${nameOf(match[0])} at character ${match.index + 1}, ${because.happened}`;
  return { happened, remedy: because.remedy };
}

function nameOf(character: string): string {
  const names: Record<string, string> = {
    '\n': 'a line break',
    '\r': 'a carriage return',
    '\t': 'a tab',
    ' ': 'a space',
  };
  const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
  return names[character] ?? (/[\p{C}\p{Z}]/u.test(character) ? `U+${code}` : `"${character}"`);
}

function refuseType(value: unknown): Refusal {
  if (value instanceof Secret) {
    return {
      happened: 'is a secret, and what a template makes is shown in diffs',
      remedy: 'upload the secret as a file of its own, and give the template the path of that file',
    };
  }
  if (value === undefined)
    return { happened: 'is undefined', remedy: 'give it a value, or null with a section around it' };
  if (value === null) return { happened: 'is null', remedy: 'give it a value, or put a section around it' };
  if (Array.isArray(value)) return { happened: 'is a list', remedy: 'print its items with a section' };
  if (typeof value === 'object')
    return { happened: 'is an object', remedy: 'print its fields by their names' };
  return { happened: `is a ${typeof value}`, remedy: 'give a text or a number' };
}
