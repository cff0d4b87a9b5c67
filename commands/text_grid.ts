/**
 * Lines of cells that stand below each other.
 */

/** Cells as text, columns two spaces apart. @param right Columns of numbers, which end below each other. */
export function textGrid(
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((cells) => [...cells[column]].length))
  );
  return rows.map((cells) =>
    cells.map((text, column) => {
      const space = " ".repeat(widths[column] - [...text].length);
      return right.includes(column) ? space + text : text + space;
    }).join("  ").trimEnd()
  ).join("\n");
}
