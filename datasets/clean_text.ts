/**
 * Clean-up of text, only as a recipe asks: each rule by name, in the recipe's order.
 */

const rules = {
  /** Canonical composition: one code point where there is one for base and marks. */
  nfc: (text: string) => text.normalize("NFC"),
  /** Compatibility composition: also wide forms, ligatures, superscripts. */
  nfkc: (text: string) => text.normalize("NFKC"),
  /** CR LF, CR, NEL, LS and PS become LF. */
  "line-feeds": (text: string) => text.replace(/\r\n?|[\u0085\u2028\u2029]/g, "\n"),
  /** Control characters except TAB, LF and CR. */
  // deno-lint-ignore no-control-regex -- the rule is about these
  controls: (text: string) => text.replace(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g, ""),
  /** Byte order marks, soft hyphens and zero-width spaces; joiners stay, as scripts need them. */
  invisible: (text: string) => text.replace(/[\u00ad\u200b\u2060\ufeff]/g, ""),
  /** White space at the ends of lines and of the document. */
  trim: (text: string) => text.replace(/[^\S\n]+$/gm, "").trim(),
} as const;

export type CleanRule = keyof typeof rules;

export const cleanRules = Object.keys(rules) as readonly CleanRule[];

/** The text after each rule in turn. */
export function cleanText(text: string, names: readonly CleanRule[]): string {
  return names.reduce((cleaned, name) => rules[name](cleaned), text);
}
