/**
 * A POSIX shell script whose values are data: made by the `sh` tag, which quotes every value that it is given.
 * There is no other way to make one, so no inventory value can ever become shell syntax.
 * @example
 * const script: Script = sh`test -e ${'/etc/nginx'}`;
 */
export class Script {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** As the shell reads it. */
  get text(): string {
    return this.#text;
  }

  /** @internal */
  static fromTrusted(text: string): Script {
    return new Script(text);
  }

  toString(): string {
    return this.#text;
  }
}

export type ScriptValue = string | number | Script | readonly (string | number | Script)[];

/**
 * A shell script from a template literal: strings and numbers become one quoted word, arrays several, scripts stay scripts.
 * @throws RangeError when a value holds a NUL byte or another control character that no argument can carry safely
 * @example
 * sh`stat -c %a -- ${"it's"}`.text; // => `stat -c %a -- 'it'\\''s'`
 * @see https://pubs.opengroup.org/onlinepubs/9699919799/utilities/V3_chap02.html#tag_18_02_02
 */
export function sh(parts: TemplateStringsArray, ...values: readonly ScriptValue[]): Script {
  const text = parts.raw.map((part, index) => {
    const value = values[index];
    return value === undefined ? part : part + word(value);
  });
  return Script.fromTrusted(text.join(''));
}

/**
 * Several scripts as one, a line each.
 * @example
 * joinScripts([sh`cd /srv`, sh`ls`], ' && ').text; // => 'cd /srv && ls'
 */
export function joinScripts(scripts: readonly Script[], separator = '\n'): Script {
  return Script.fromTrusted(scripts.map((script) => script.text).join(separator));
}

function word(value: ScriptValue): string {
  if (value instanceof Script) return value.text;
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number') return quote(String(value));
  return value.map(word).join(' ');
}

const safeWord = /^[A-Za-z0-9_/:=.,@%+-]+$/;
// Newline and tab are legal in arguments (file content never travels this way); the rest could drive a terminal or end a frame.
const forbidden = /[\0-\x08\x0b-\x1f\x7f]/;

/**
 * One word for a POSIX shell that expands to exactly this string.
 * @throws RangeError when the value holds NUL or another control character except tab and newline
 * @example
 * quote(''); // => "''"
 */
export function quote(value: string): string {
  if (forbidden.test(value))
    throw new RangeError(`a shell word cannot hold control characters: ${JSON.stringify(value)}`);
  if (safeWord.test(value)) return value;
  return `'${value.replaceAll("'", String.raw`'\''`)}'`;
}
