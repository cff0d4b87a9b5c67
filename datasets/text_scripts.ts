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
  /** Of the code points that are a byte. */
  readonly #ascii: Float64Array = new Float64Array(0x80);
  /** Of all others, by script, then `Other`. */
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

  /** Counts a text in well-formed UTF-8. */
  add(utf8: Uint8Array): void {
    const [ascii, known, counts] = [this.#ascii, this.#known, this.#counts];
    for (let i = 0; i < utf8.length; i++) {
      let code = utf8[i];
      if (code < 0x80) {
        ascii[code]++;
        continue;
      }
      code = code < 0xe0
        ? (code & 0x1f) << 6 | utf8[++i] & 0x3f
        : code < 0xf0
        ? (code & 0x0f) << 12 | (utf8[++i] & 0x3f) << 6 | utf8[++i] & 0x3f
        : (code & 0x07) << 18 | (utf8[++i] & 0x3f) << 12 | (utf8[++i] & 0x3f) << 6 |
          utf8[++i] & 0x3f;
      counts[(known[code] || this.#find(code)) - 1]++;
    }
  }

  /** Code points of the scripts that occur, the most frequent first. */
  counts(): Record<string, number> {
    const counts = this.#counts.slice();
    this.#ascii.forEach((count, code) => {
      if (count > 0) counts[(this.#known[code] || this.#find(code)) - 1] += count;
    });
    return Object.fromEntries(
      [...scripts, "Other"].map((name, i) => [name, counts[i]] as const)
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
