/**
 * The scripts that a text is written in.
 */
import { DocumentProgram } from "./document_program.ts";

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

/** Numbers of scripts from 1; this one is of all that are not told apart. */
const other = scripts.length + 1;
const codePoints = 0x110000;
/** Bytes of text that are counted at once. */
const roomBytes = 65_536;
/** A decoder drops a byte order mark otherwise. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Code points of a text by script: punctuation, digits and blanks are `Common`, marks that go with any letter `Inherited`. */
export class ScriptCounter {
  readonly #program = new DocumentProgram();
  /** Script of each code point that was met; 0 of others. */
  readonly #kinds: Uint8Array;
  /** By script. */
  readonly #counts: Float64Array;
  readonly #text: number;
  readonly #patterns: readonly RegExp[] = scripts.map((name) =>
    new RegExp(`\\p{Script=${name}}`, "u")
  );

  constructor(from: Readonly<Record<string, number>> = {}) {
    const program = this.#program;
    const kinds = program.reserve(codePoints);
    const counts = program.reserve(8 * (other + 1));
    this.#text = program.reserve(roomBytes);
    program.set({ kinds, counts, latin: numberOf("Latin"), common: numberOf("Common") });
    this.#kinds = program.bytes.subarray(kinds, kinds + codePoints);
    this.#counts = new Float64Array(program.bytes.buffer, counts, other + 1);
    for (const [name, count] of Object.entries(from)) this.#counts[numberOf(name)] += count;
  }

  /** Counts a text in well-formed UTF-8. */
  add(utf8: Uint8Array): void {
    for (let from = 0; from < utf8.length;) {
      let to = Math.min(from + roomBytes, utf8.length);
      while ((utf8[to] & 0xc0) === 0x80) to--; // no code point is cut
      this.#program.bytes.set(utf8.subarray(from, to), this.#text);
      const end = this.#text + to - from;
      for (let at = this.#text; at < end;) {
        at = this.#program.functions.count(at, end);
        if (at < end) this.#learn(utf8.subarray(from + at - this.#text, to));
      }
      from = to;
    }
  }

  /** Code points of the scripts that occur, the most frequent first. */
  counts(): Record<string, number> {
    return Object.fromEntries(
      [...scripts, "Other"].map((name, i) => [name, this.#counts[i + 1]] as const)
        .filter(([, count]) => count > 0)
        .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)),
    );
  }

  /** Finds the script of the first code point. */
  #learn(utf8: Uint8Array): void {
    const code = decoder.decode(utf8.subarray(0, 4)).codePointAt(0)!;
    const char = String.fromCodePoint(code);
    const index = this.#patterns.findIndex((pattern) => pattern.test(char));
    this.#kinds[code] = index < 0 ? other : index + 1;
  }
}

function numberOf(script: string): number {
  return (scripts as readonly string[]).indexOf(script) + 1 || other;
}
