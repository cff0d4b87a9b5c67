/**
 * What other parties say, for messages and records.
 */
import { shownText } from "../base/mod.ts";

const mostLetters = 300;

/** A text without control characters, cut where it is long. */
export function shortened(text: unknown): string {
  const shown = shownText(String(text));
  return shown.length <= mostLetters ? shown : `${shown.slice(0, mostLetters)}…`;
}
