import { displayWidth } from './display-width.ts';

/**
 * Rows as lines with their columns aligned; the last column is left ragged.
 * @example
 * alignColumns([['host', 'ok'], ['lb-1', '12']]); // => ['host  ok', 'lb-1  12']
 */
export function alignColumns(
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set(),
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, displayWidth(cell))));
  }
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const padding = ' '.repeat(widths[column]! - displayWidth(cell));
        return right.has(column) ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd(),
  );
}
