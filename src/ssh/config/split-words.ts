/** One argument of a line, quotes and escapes removed. */
export interface Word {
  readonly text: string;
  /** Where it begins in the text that was split; counts from 0. */
  readonly offset: number;
}

/**
 * The arguments of a line as OpenSSH splits them; a `#` where an argument could begin ends the line.
 * Undefined when a quote is not closed.
 * @see https://github.com/openssh/openssh-portable/blob/V_9_2/misc.c `argv_split`
 * @example
 * splitWords('a "b c" # d'); // => [{ text: 'a', offset: 0 }, { text: 'b c', offset: 2 }]
 */
export function splitWords(text: string): Word[] | undefined {
  const words: Word[] = [];
  let at = 0;
  while (at < text.length) {
    if (isBlank(text[at])) at++;
    else if (text[at] === '#') break;
    else {
      const word = readWord(text, at);
      if (!word) return undefined;
      words.push({ text: word.text, offset: at });
      at = word.end;
    }
  }
  return words;
}

function readWord(text: string, start: number): { text: string; end: number } | undefined {
  let word = '';
  let quote: string | undefined;
  let at = start;
  for (; at < text.length; at++) {
    const character = text[at]!;
    const next = text[at + 1];
    const escapes = next === "'" || next === '"' || next === '\\' || (next === ' ' && quote === undefined);
    if (character === '\\' && escapes) word += text[++at]!;
    else if (quote === undefined && isBlank(character)) break;
    else if (quote === undefined && (character === '"' || character === "'")) quote = character;
    else if (character === quote) quote = undefined;
    else word += character;
  }
  return quote === undefined ? { text: word, end: at } : undefined;
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t';
}

/**
 * The first token of a line and what follows it; one `=` may stand between. The older of OpenSSH's two grammars, which
 * holds for keywords and for the criteria of `Match`. Undefined when a quote is not closed.
 * @see https://github.com/openssh/openssh-portable/blob/V_9_2/misc.c `strdelim`
 * @example
 * takeToken('Port = 22'); // => { token: 'Port', rest: '22' }
 */
export function takeToken(text: string): { token: string; rest: string | undefined } | undefined {
  const at = text.search(/[ \t\r\n"=]/);
  if (at < 0) return { token: text, rest: undefined };
  if (text[at] === '"') {
    const opened = text.slice(0, at) + text.slice(at + 1);
    const end = opened.indexOf('"', at);
    return end < 0 ? undefined : { token: opened.slice(0, end), rest: withoutBlanks(opened.slice(end + 1)) };
  }
  const token = text.slice(0, at);
  const rest = withoutBlanks(text.slice(at + 1));
  const skipsEquals = text[at] !== '=' && rest.startsWith('=');
  return { token, rest: skipsEquals ? withoutBlanks(rest.slice(1)) : rest };
}

function withoutBlanks(text: string): string {
  return text.replace(/^[ \t\r\n]+/, '');
}
