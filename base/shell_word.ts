/**
 * Words of a command line, for a shell.
 */

/** A text as one word of a POSIX shell, whatever is in it: in single quotes. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
