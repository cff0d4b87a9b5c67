/**
 * Much natural text from little: the lines of real documents, shuffled inside their source, are cut into new documents of the
 * old lengths, again and again. Words and lines are as frequent as they are in the source, and no document comes twice.
 */
import { Buffer } from "node:buffer";
import { Random, seedOf, sha256 } from "../base/mod.ts";
import { readTexts, sourceNames } from "../tests/support/data.ts";

/**
 * Documents of at least so many bytes of UTF-8 together, of one source after the other.
 *
 * @param data folder with `multilingual/` and `domains/`
 */
export function* reshuffledTexts(data: string, bytes: number): Generator<string> {
  const sources = sourceNames(data).map((name) => ({ name, ...linesOf(data, name) }));
  const seen = new Set<string>();
  for (let pass = 0, left = bytes; left > 0; pass++) {
    for (const { name, lines, sizes } of sources) {
      const shuffled = shuffle(lines, new Random(seedOf(1, `bench/reshuffled/${name}/${pass}`)));
      for (const text of cut(shuffled, sizes)) {
        const digest = sha256(text);
        if (seen.has(digest)) continue;
        seen.add(digest);
        yield text;
        left -= Buffer.byteLength(text);
        if (left <= 0) return;
      }
    }
  }
}

/** The lines of a source's documents, and how many UTF-16 units each document has. */
function linesOf(data: string, source: string) {
  const texts = readTexts(data, source, "train");
  const lines = texts.flatMap((text) => text.split("\n").filter((line) => line.trim() !== ""));
  return { lines, sizes: texts.map((text) => text.length) };
}

/** Fisher and Yates. */
function shuffle<T>(items: readonly T[], random: Random): T[] {
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const other = random.below(i + 1);
    [shuffled[i], shuffled[other]] = [shuffled[other], shuffled[i]];
  }
  return shuffled;
}

/** Documents of lines in turn, each at least as long as its size and of at least two lines. */
function* cut(lines: readonly string[], sizes: readonly number[]): Generator<string> {
  let at = 0;
  for (const size of sizes) {
    const from = at;
    for (let length = 0; at < lines.length && (length < size || at < from + 2);) {
      length += lines[at++].length + 1;
    }
    if (at < from + 2) return;
    yield lines.slice(from, at).join("\n");
  }
}
