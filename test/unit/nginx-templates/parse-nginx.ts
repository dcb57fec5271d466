/** One directive: its words, and what is in its block if it has one. */
export interface Directive {
  readonly words: readonly string[];
  readonly block?: readonly Directive[];
}

/**
 * Reads an nginx configuration by the rules of nginx's own reader: a word ends at white space, `;` or `{`, a quote
 * counts at the beginning of a word only, and a backslash keeps what follows it.
 * @throws Error with the line where nginx would stop
 * @see https://github.com/nginx/nginx/blob/master/src/core/ngx_conf_file.c ngx_conf_read_token
 */
export function parseNginx(text: string): readonly Directive[] {
  const tokens = tokensOf(text);
  const directives = blockOf(tokens);
  const rest = tokens.next();
  if (!rest.done) throw new Error(`line ${rest.value.line}: unexpected "${rest.value.text}"`);
  return directives;
}

interface Token {
  readonly text: string;
  readonly line: number;
  /** `;`, `{` or `}` outside quotes. */
  readonly mark: boolean;
}

function blockOf(tokens: Iterator<Token, undefined>, openedAt?: number): readonly Directive[] {
  const directives: Directive[] = [];
  let words: string[] = [];
  for (let next = tokens.next(); !next.done; next = tokens.next()) {
    const { text, line, mark } = next.value;
    if (!mark) {
      words.push(text);
      continue;
    }
    if (text === '}') {
      if (words.length > 0 || openedAt === undefined) throw new Error(`line ${line}: unexpected "}"`);
      return directives;
    }
    if (words.length === 0) throw new Error(`line ${line}: unexpected "${text}"`);
    directives.push(text === '{' ? { words, block: blockOf(tokens, line) } : { words });
    words = [];
  }
  if (openedAt !== undefined) throw new Error(`line ${openedAt}: this block is never closed`);
  if (words.length > 0) throw new Error(`the file ends within "${words.join(' ')}"`);
  return directives;
}

const space = /[ \t\r\n]/;

function* tokensOf(text: string): Generator<Token, undefined> {
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const character = text.charAt(at);
    if (character === '\n') line++;
    if (space.test(character)) at++;
    else if (character === '#') at = endOfLine(text, at);
    else if (character === ';' || character === '{' || character === '}') {
      yield { text: character, line, mark: true };
      at++;
    } else {
      const word = character === '"' || character === "'" ? quoted(text, at, line) : plain(text, at, line);
      yield { text: word.text, line, mark: false };
      at = word.end;
    }
  }
  return undefined;
}

function endOfLine(text: string, from: number): number {
  const at = text.indexOf('\n', from);
  return at < 0 ? text.length : at;
}

function quoted(text: string, from: number, line: number): { text: string; end: number } {
  const quote = text.charAt(from);
  let word = '';
  for (let at = from + 1; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === quote) {
      if (!/[\s;{)]|^$/.test(text.charAt(at + 1)))
        throw new Error(`line ${line}: text follows a closing quote`);
      return { text: word, end: at + 1 };
    }
    word += character === '\\' ? text.charAt(++at) : character;
  }
  throw new Error(`line ${line}: this quote is never closed`);
}

function plain(text: string, from: number, line: number): { text: string; end: number } {
  let word = '';
  for (let at = from; at < text.length; at++) {
    const character = text.charAt(at);
    const opensVariable = character === '{' && word.endsWith('$');
    if (space.test(character) || character === ';' || (character === '{' && !opensVariable)) {
      return { text: word, end: at };
    }
    word += character === '\\' ? character + text.charAt(++at) : character;
  }
  throw new Error(`line ${line}: the file ends within "${word}"`);
}
