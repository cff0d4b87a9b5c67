/** The texts of the benchmarks, as files of lines. */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Random, seedOf } from "../../base/mod.ts";

export type Split = "train" | "validation";

/** Documents of a source, as it is named below the data folder: `domains/code`. */
export function readTexts(data: string, source: string, split: Split): string[] {
  const packed = Deno.readFileSync(join(data, source, `${split}.jsonl.gz`));
  return gunzipSync(packed).toString("utf8").trimEnd().split("\n")
    .map((line) => JSON.parse(line).text as string);
}

/** All sources below the data folder, sorted. */
export function sourceNames(data: string): string[] {
  return ["domains", "multilingual"].flatMap((folder) =>
    [...Deno.readDirSync(join(data, folder))].filter((entry) => entry.isDirectory)
      .map(({ name }) => `${folder}/${name}`).sort()
  );
}

/** The lines of the training text of all sources. */
export function linesOf(data: string): string[] {
  return sourceNames(data).flatMap((source) => readTexts(data, source, "train"))
    .flatMap((text) => text.split("\n"));
}

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

/**
 * Text of a given size, about a megabyte at a time: lines of the sources again and again, in each pass with other words
 * changed in a letter, so that new words keep coming as they do in natural text.
 */
export function* variedText(lines: readonly string[], bytes: number): Generator<string> {
  const random = new Random(seedOf(1, "bench/varied"));
  for (let written = 0, at = 0; written < bytes;) {
    const block: string[] = [];
    for (let length = 0; length < 1 << 20; at++) {
      const line = lines[at % lines.length];
      const changed = at < lines.length ? line : vary(line, random);
      block.push(changed);
      length += changed.length;
    }
    const text = block.join("\n") + "\n";
    yield text;
    written += Buffer.byteLength(text);
  }
}

/** The same as a file. */
export function writeVaried(path: string, lines: readonly string[], bytes: number): void {
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  const encoder = new TextEncoder();
  for (const text of variedText(lines, bytes)) {
    const chunk = encoder.encode(text);
    for (let at = 0; at < chunk.length;) at += file.writeSync(chunk.subarray(at));
  }
}

/** One word in forty gets another letter. */
function vary(line: string, random: Random): string {
  const words = line.split(" ");
  for (let i = random.below(40); i < words.length; i += 1 + random.below(79)) {
    const at = random.below(words[i].length + 1);
    const letter = String.fromCharCode(97 + random.below(26));
    words[i] = words[i].slice(0, at) + letter + words[i].slice(at + 1);
  }
  return words.join(" ");
}
