/**
 * Words: no piece crosses their ends, so that text is counted, cached and encoded word by word.
 *
 * White space is space, tab, line feed and carriage return; every other character is part of a word. A word takes the one
 * space before it along (` the`). White space left over is a word of its own, however long: a run gives up its last
 * character only if that is a space before a word. `a\n    b` is the words `a`, `\n   ` and ` b`.
 */

const space = 0x20;

/** The same rule as a regular expression, for programs that read our files. */
export const wordPattern = " ?[^ \\t\\n\\r]+|[ \\t\\n\\r]+(?= [^ \\t\\n\\r])|[ \\t\\n\\r]+";

/** `stretchEnd` as a regular expression. */
export const stretchPattern = "[^\\t\\n\\r]+|[\\t\\n\\r]+";

/** Where the word that begins at `at` ends, in UTF-8 bytes that end at `end` > `at`. */
export function wordEnd(bytes: Uint8Array, at: number, end: number): number {
  let to = at;
  while (to < end && isWhite(bytes[to])) to++;
  if (to > at) {
    if (to === end || bytes[to - 1] !== space) return to;
    if (to - 1 > at) return to - 1;
  }
  while (to < end && !isWhite(bytes[to])) to++;
  return to;
}

/** Where the stretch that begins at `at` ends: a line without tabs, or the text between two tabs. */
export function stretchEnd(bytes: Uint8Array, at: number, end: number): number {
  const isBreak = bytes[at] !== space && isWhite(bytes[at]);
  let to = at + 1;
  while (to < end && (bytes[to] !== space && isWhite(bytes[to])) === isBreak) to++;
  return to;
}

function isWhite(byte: number): boolean {
  return byte <= space && (byte === space || byte === 0x0a || byte === 0x09 || byte === 0x0d);
}
