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

/** Few words in long lines over and over, and one letter without end: text on which suffix sorting is slow. */
export function repetitiveText(bytes: number): string {
  const line = "the cat sat on the mat and the dog sat on the log ".repeat(60) + "\n";
  return ("a".repeat(4000) + "\n" + line).repeat(Math.ceil(bytes / (line.length + 4001)));
}
