// C0 but newline and tab, DEL, C1, marks that turn the direction of writing, line separators, halves of surrogate pairs.
const harmful =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/**
 * Text of a host made harmless for a terminal: what could move the cursor, recolour, retitle or reorder is shown as a
 * visible escape. Newline and tab stay.
 * @example
 * sanitize('\u001b]0;owned\u0007'); // => '\\x1b]0;owned\\x07'
 */
export function sanitize(text: string): string {
  return text.replace(harmful, escapeOf);
}

/** The same for a place that has one line only, where a newline of a host could forge a line of ours. */
export function sanitizeLine(text: string): string {
  return sanitize(text).replaceAll('\n', '\\n').replaceAll('\t', ' ');
}

/** The same for text that our own views have put together from clean parts: the few colours that they use stay. */
export function sanitizeStyled(text: string): string {
  const parts = text.split(/(\u001b\[(?:1|2|22|3[1-6]|39)m)/);
  return parts.map((part, index) => (index % 2 === 1 ? part : sanitize(part))).join('');
}

/**
 * Text for a terminal that cannot show UTF-8: our own signs get ASCII twins, everything else a visible escape. Some of
 * these terminals would read parts of a UTF-8 sequence as control characters.
 */
export function toAscii(text: string): string {
  return text.replace(/[^\u0000-\u007f]/gu, (char) => twins[char] ?? codePointOf(char));
}

const twins: Readonly<Record<string, string>> = {
  '—': '-',
  '–': '-',
  '→': '->',
  '…': '...',
  '·': '|',
  '│': '|',
  '✓': '+',
  '✗': 'x',
  '‹': '<',
  '›': '>',
};

function escapeOf(char: string): string {
  const code = char.charCodeAt(0);
  if (char === '\r') return '\\r';
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : codePointOf(char);
}

function codePointOf(char: string): string {
  const code = char.codePointAt(0)!.toString(16);
  return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\u{${code}}`;
}
