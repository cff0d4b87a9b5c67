/**
 * Lines that tokenizers stumble over: marks, joiners, right-to-left, controls, NUL, runs, long words, things that look special.
 */
import { Random, seedOf } from "../../base/mod.ts";

const awkward = [
  "\u200f",
  "\u202e",
  "\0",
  "e\u0301",
  "a\u0308\u0323",
  "👩‍👩‍👧‍👦",
  "🇮🇹",
  "\u00a0",
  "\u3000",
  "▁",
  "▁▁",
  "\ufeff",
  "\ufffd",
  "ﬁ",
  "①",
  "ｶﾞ",
  "ﷺ",
  "\u1112\u1161\u11ab",
  "ｆｕｌｌ",
  "～",
  "\u200b",
  "\t",
  "\x07",
  "\u0085",
  "</s>",
  "<unk>",
  "<0x0A>",
  "...",
  "…",
  "----",
  "   ",
  "0000",
  "\"'",
  "𐍈",
  "¨",
  "=\u0338",
  "\r",
  "x".repeat(70),
  "ba".repeat(40),
  "山".repeat(40),
  "[SEP]",
  "user sym",
];

/** Lines without line feeds, the same for the same seed. */
export function fuzzLines(count: number, name = "lines"): string[] {
  const random = new Random(seedOf(11, name));
  const words = inventedDocuments(20).flatMap(({ text }) => text.split(/\s+/));
  const pick = (list: readonly string[]) => list[random.below(list.length)];
  return Array.from({ length: count }, () => {
    const parts = Array.from({ length: random.below(12) }, () => {
      const kind = random.below(10);
      const part = kind < 5
        ? pick(words)
        : kind < 9
        ? pick(awkward)
        : String.fromCodePoint(0x20 + random.below(0x2000));
      return part + (random.below(3) > 0 ? " " : "");
    });
    return parts.join("").replaceAll("\n", " ");
  });
}

/** Bytes with some of them damaged, so that not all is UTF-8; line feeds stay. */
export function damaged(bytes: Uint8Array, name = "bytes"): Uint8Array<ArrayBuffer> {
  const random = new Random(seedOf(12, name));
  const bad = [0x80, 0xff, 0xc0, 0xe2, 0xf0, 0xed, 0xa0, 0xf4, 0x90];
  return Uint8Array.from(
    bytes,
    (byte) => byte !== 0x0a && random.below(40) === 0 ? bad[random.below(bad.length)] : byte,
  );
}

/** Invented text with white space, digits, punctuation and three scripts: sentences by a fixed rule, no two documents alike. */
export function inventedDocuments(count: number): { text: string }[] {
  const syllables = [
    "ba",
    "lo",
    "mi",
    "tre",
    "sun",
    "ka",
    "per",
    "o",
    "nid",
    "жа",
    "ло",
    "山",
    "水",
  ];
  return Array.from({ length: count }, (_, d) => {
    const words = Array.from({ length: 40 }, (_, w) => {
      const at = (k: number) =>
        syllables[(d * 7 + w * w * k + k * 5 + (d % (w + 2))) % syllables.length];
      const word = at(1) + at(2) + (w % 3 === 0 ? at(3) : "");
      return w % 11 === 0 ? `\n    ${word}(${w * d % 100});` : word;
    });
    return { text: words.join(" ") };
  });
}
