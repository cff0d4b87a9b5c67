/**
 * Text of others on a screen.
 */

/** Controls of C0 and C1 but line feed and tab, and what turns the direction of text around. */
// deno-lint-ignore no-control-regex -- these are what is looked for
const controls = /[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Text in which each control character stands as an escape, `\u001b`: data, names and keys cannot move the cursor, paint, or
 * rename a window. Line feeds and tabs stay. JSON keeps its meaning.
 */
export function shownText(text: string): string {
  return text.replace(
    controls,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
