/** The texts of the benchmarks, as files of lines. */
import { Random, seedOf } from "../../base/mod.ts";

/** Random lower-case words of 6 to 14 letters, a hundred a line. */
export function randomWords(bytes: number): string {
  const random = new Random(seedOf(1, "bench/random-words"));
  const parts: string[] = [];
  for (let length = 0, n = 1; length < bytes; n++) {
    const word = Array.from(
      { length: 6 + random.below(9) },
      () => String.fromCharCode(97 + random.below(26)),
    ).join("");
    parts.push(word, n % 100 === 0 ? "\n" : " ");
    length += word.length + 1;
  }
  return parts.join("");
}
