import { CST, Lexer } from 'yaml';

/** What a person nests by hand is far below this; the parser behind it dies of 20 000. */
export const deepest = 64;

/**
 * Offset at which a text nests deeper than allowed, or undefined. Works on the token stream, before anything recursive:
 * the composer of `yaml` ends the whole process on one megabyte of `[`.
 */
export function tooDeepAt(text: string): number | undefined {
  const columns: number[] = [];
  let flow = 0;
  let offset = 0;
  let lineStart = 0;
  let isFirst = true;
  for (const token of new Lexer().lex(text)) {
    const type = CST.tokenType(token);
    const column = offset - lineStart;
    if (type === 'flow-map-start' || type === 'flow-seq-start') flow += 1;
    if (type === 'flow-map-end' || type === 'flow-seq-end') flow -= 1;
    const opensLevel =
      type === 'seq-item-ind' || type === 'explicit-key-ind' || (isFirst && !blank.has(type));
    if (opensLevel && flow === 0) {
      while (columns.length > 0 && columns.at(-1)! >= column) columns.pop();
      columns.push(column);
    }
    if (flow + columns.length > deepest) return offset;
    if (!blank.has(type)) isFirst = false;
    // The lexer marks scalars and documents with single characters that are not in the text.
    if (!marks.has(token)) offset += token.length;
    const lineEnd = token.lastIndexOf('\n');
    if (lineEnd >= 0) {
      lineStart = offset - (token.length - lineEnd - 1);
      isFirst = true;
    }
  }
  return undefined;
}

const blank = new Set<string | null>(['space', 'newline', 'comment', 'byte-order-mark']);
const marks = new Set<string>([CST.DOCUMENT, CST.FLOW_END, CST.SCALAR]);
