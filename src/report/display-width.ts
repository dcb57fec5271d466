/**
 * How many columns of a terminal a text takes at most. Signs that some terminals draw twice as wide count as wide: a line
 * that is cut a little early does no harm, one that wraps breaks the picture.
 * @example
 * displayWidth('日本'); // => 4
 */
export function displayWidth(text: string): number {
  const plain = text.includes('\u001b') ? text.replace(/\u001b\[[0-9;]*m/g, '') : text;
  if (/^[\u0020-\u007e]*$/.test(plain)) return plain.length;
  let width = 0;
  for (const char of plain) width += charWidth(char);
  return width;
}

/**
 * The text, which must hold no colours, cut to a number of columns.
 * @example
 * cutToWidth('file /etc/nginx/nginx.conf', 10, '…'); // => 'file /etc…'
 */
export function cutToWidth(text: string, columns: number, ellipsis: string): string {
  if (displayWidth(text) <= columns) return text;
  const room = columns - displayWidth(ellipsis);
  if (room <= 0) return ellipsis.slice(0, Math.max(0, columns));
  let width = 0;
  let kept = '';
  for (const char of text) {
    width += charWidth(char);
    if (width > room) break;
    kept += char;
  }
  return kept + ellipsis;
}

const ownSigns = new Set('✓✗—–→…·│⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏‹›');

function charWidth(char: string): number {
  const code = char.codePointAt(0)!;
  return code < 0x1100 || ownSigns.has(char) ? 1 : 2;
}
