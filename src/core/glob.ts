/**
 * Whether a whole text is like a pattern of the shell: `*` any characters, `?` one, `[abc]` and `[!a-z]` one of a set.
 * Takes time in proportion to both lengths, whatever the pattern.
 * @example
 * globMatcher('file /etc/nginx/*')('file /etc/nginx/nginx.conf'); // => true
 */
export function globMatcher(pattern: string): (text: string) => boolean {
  const parts = parseGlob(pattern);
  return (text) => matches(parts, Array.from(text));
}

/** One character is accepted, or with `any` as many as there are. */
type Part = 'any' | ((char: string) => boolean);

function parseGlob(pattern: string): Part[] {
  const parts: Part[] = [];
  const chars = Array.from(pattern);
  for (let index = 0; index < chars.length; index++) {
    const char = chars[index]!;
    const end = char === '[' ? endOfSet(chars, index) : -1;
    if (char === '*') parts.push('any');
    else if (char === '?') parts.push(() => true);
    else if (end > 0) {
      parts.push(setOf(chars.slice(index + 1, end)));
      index = end;
    } else parts.push((other) => other === char);
  }
  return parts;
}

/** A `]` that comes first stands for itself; without an end, the `[` does. */
function endOfSet(chars: readonly string[], start: number): number {
  const first = chars[start + 1] === '!' ? start + 2 : start + 1;
  return chars.indexOf(']', first + 1);
}

function setOf(chars: readonly string[]): (char: string) => boolean {
  const isNegated = chars[0] === '!';
  const own = isNegated ? chars.slice(1) : chars;
  const ranges: [string, string][] = [];
  for (let index = 0; index < own.length; index++) {
    const isRange = own[index + 1] === '-' && index + 2 < own.length;
    ranges.push([own[index]!, own[isRange ? index + 2 : index]!]);
    if (isRange) index += 2;
  }
  return (char) => ranges.some(([from, to]) => from <= char && char <= to) !== isNegated;
}

/** On a mismatch only the last `*` takes one character more: no earlier one could do better. */
function matches(parts: readonly Part[], text: readonly string[]): boolean {
  let part = 0;
  let at = 0;
  let star: { part: number; at: number } | undefined;
  while (at < text.length) {
    const current = parts[part];
    if (current === 'any') {
      star = { part, at };
      part++;
    } else if (current?.(text[at]!)) {
      part++;
      at++;
    } else if (star) {
      star.at++;
      part = star.part + 1;
      at = star.at;
    } else return false;
  }
  return parts.slice(part).every((rest) => rest === 'any');
}
