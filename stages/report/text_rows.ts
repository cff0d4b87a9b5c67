/**
 * Facts that are written as a table of text: a row a line, cells between `|`.
 */
export function textRows(text: string): string[][] {
  return text.trim().split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
}
