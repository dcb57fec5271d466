/**
 * What makes a text unfit to stand on a line, or undefined: control characters, and the invisible ones that
 * change the order or the look of what a person reads.
 * @see https://trojansource.codes
 */
export function unsafeCharacter(value: string): string | undefined {
  const found = unsafe.exec(value)?.[0];
  if (found === undefined) return undefined;
  const code = found.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
  if (found === '\n' || found === '\r') return 'a line break';
  if (found === '\t') return 'a tab';
  return /\p{Cc}/u.test(found) ? `the control character U+${code}` : `the invisible character U+${code}`;
}

// Controls, line and paragraph separators, lone surrogates, and format characters (bidi, zero width, soft hyphen, tags).
const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Cf}]/u;
