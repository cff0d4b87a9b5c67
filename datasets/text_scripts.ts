/**
 * The scripts that a text is written in.
 */

/** Unicode scripts that are told apart, the frequent ones first; all others count as `Other`. */
const scripts = [
  ..."Common Latin Cyrillic Arabic Han Greek Devanagari Hiragana Katakana Hangul Hebrew Inherited"
    .split(" "),
  ..."Thai Bengali Tamil Telugu Gujarati Kannada Malayalam Gurmukhi Sinhala Oriya Armenian".split(
    " ",
  ),
  ..."Georgian Ethiopic Khmer Lao Myanmar Tibetan Mongolian Bopomofo Syriac Thaana Cherokee".split(
    " ",
  ),
] as const;

/** Code points of a text by script: punctuation, digits and blanks are `Common`, marks that go with any letter `Inherited`. */
export class ScriptCounter {
  /** By script, then `Other`. */
  readonly #counts: Float64Array = new Float64Array(scripts.length + 1);
  /** Script of each code point that was met, plus one. */
  readonly #known = new Uint8Array(0x110000);
  readonly #patterns: readonly RegExp[] = scripts.map((name) =>
    new RegExp(`\\p{Script=${name}}`, "u")
  );

  constructor(counts: Readonly<Record<string, number>> = {}) {
    for (const [name, count] of Object.entries(counts)) {
      const index = (scripts as readonly string[]).indexOf(name);
      this.#counts[index < 0 ? scripts.length : index] += count;
    }
  }

  add(text: string): void {
    for (let i = 0; i < text.length; i++) {
      const code = text.codePointAt(i)!;
      if (code > 0xffff) i++;
      const known = this.#known[code] || this.#find(code);
      this.#counts[known - 1]++;
    }
  }

  /** Code points of the scripts that occur, the most frequent first. */
  counts(): Record<string, number> {
    return Object.fromEntries(
      [...scripts, "Other"].map((name, i) => [name, this.#counts[i]] as const)
        .filter(([, count]) => count > 0)
        .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)),
    );
  }

  #find(code: number): number {
    const char = String.fromCodePoint(code);
    const index = this.#patterns.findIndex((pattern) => pattern.test(char));
    return this.#known[code] = (index < 0 ? scripts.length : index) + 1;
  }
}
