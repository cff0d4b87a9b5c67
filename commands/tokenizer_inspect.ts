/**
 * `tokenizer inspect`: what a tokenizer makes of a text.
 */
import { addTokenizerOption } from "./tokenizer_options.ts";
import type { CommandModule } from "./command_line.ts";
import { type OpenedTokenizer, openTokenizer } from "../tokenizers/mod.ts";
import { joinTexts } from "../tokenizers/parallel/mod.ts";
import { formatBytes } from "../base/mod.ts";
import { withProgress } from "./reading_progress.ts";
import { linesOfText, readTexts } from "./text_input.ts";
import { print } from "./screen.ts";

interface InspectOptions {
  readonly tokenizer: string;
  readonly input?: readonly string[];
  readonly textField: string;
  readonly json?: boolean;
}

export const command: CommandModule<void> = {
  declare: (command) =>
    addTokenizerOption(command)
      .option("-i, --input <files...>", "instead of standard input: text, JSON lines, …, also .gz")
      .option("--text-field <name>", "the text of a JSON record", "text")
      .option("--json", "print one JSON object")
      .addHelpText("after", examples),
  act: (_, options: InspectOptions) => inspect(options),
};

async function inspect(options: InspectOptions): Promise<void> {
  const inspection = await inspectTexts(options);
  if (options.json) {
    print(JSON.stringify(inspection));
    return;
  }
  const { vocabSize, texts, bytes, words, tokens, usedPieces } = inspection;
  const whole = (count: number) => count.toLocaleString("en-US");
  const percent = (share: number) => `${(100 * share).toFixed(3)} %`;
  const rows: [string, string][] = [
    ["kind", inspection.kind],
    ["pieces", whole(vocabSize)],
    ["text", `${formatBytes(bytes)} in ${whole(texts)} lines or records`],
    ["words", whole(words)],
    ["tokens", whole(tokens)],
    ["pieces used", `${whole(usedPieces)} (${percent(usedPieces / vocabSize)})`],
    ["bytes per token", inspection.bytesPerToken.toFixed(3)],
    ["characters per token", inspection.charactersPerToken.toFixed(3)],
    ["fertility (tokens per word)", inspection.fertility.toFixed(3)],
    ["coverage of characters", percent(inspection.coverage)],
    ["byte fallback, of tokens", percent(inspection.byteFallbackShare)],
    ["unknown, of tokens", percent(inspection.unknownShare)],
    ["unigram entropy", `${inspection.unigramEntropyBits.toFixed(3)} bits per token`],
    ["", `${inspection.unigramBitsPerByte.toFixed(3)} bits per byte`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, value] of rows) print(`${name.padEnd(width)}  ${value}`);
}

/** Measures of a tokenizer on a text. Shares are of tokens. */
async function inspectTexts(options: InspectOptions) {
  using tokenizer = await openTokenizer(options.tokenizer);
  const unknownId = tokenizer.roles.unknown ?? unnamedUnknown(tokenizer);
  const counts = new Float64Array(tokenizer.vocabSize);
  let [texts, bytes, characters, words, tokens, unknownCharacters] = [0, 0, 0, 0, 0, 0];
  const { input: files, textField } = options;
  const input = readTexts({ files, textField, invalid: "error" });
  for await (const batch of withProgress(input)) {
    const lines = linesOfText(batch);
    const { ids, ends } = tokenizer.encodeTexts(joinTexts(lines));
    for (const id of ids) counts[id]++;
    tokens += ids.length;
    texts += lines.length;
    for (const [i, line] of lines.entries()) {
      characters += characterCount(line);
      if (ids.subarray(ends[i - 1] ?? 0, ends[i]).includes(unknownId)) {
        const found = tokenizer.encodeWithOffsets(line);
        for (const [k, id] of found.ids.entries()) {
          if (id !== unknownId) continue;
          unknownCharacters += characterCount(line.slice(found.starts[k], found.ends[k]));
        }
      }
      bytes += new TextEncoder().encode(line).length;
      words += line.match(/\S+/g)?.length ?? 0;
    }
  }
  let [used, fallback, fallbackCharacters, unknown, nats] = [0, 0, 0, 0, 0];
  for (const [id, count] of counts.entries()) {
    if (count === 0) continue;
    used++;
    nats -= count * Math.log(count / tokens);
    const piece = tokenizer.piece(id);
    if (/^<0x[0-9A-F]{2}>$/.test(piece)) {
      fallback += count;
      const isContinued = piece >= "<0x80>" && piece <= "<0xBF>"; // bytes that no character begins with
      if (!isContinued) fallbackCharacters += count;
    }
    if (id === unknownId) unknown += count;
  }
  const share = (part: number, whole: number) => whole === 0 ? 0 : part / whole;
  const bits = nats / Math.LN2;
  return {
    kind: tokenizer.kind,
    vocabSize: tokenizer.vocabSize,
    texts,
    bytes,
    characters,
    words, // runs of anything but white space
    tokens,
    usedPieces: used, // of the vocabulary
    bytesPerToken: share(bytes, tokens),
    charactersPerToken: share(characters, tokens),
    fertility: share(tokens, words), // tokens a word
    byteFallbackShare: share(fallback, tokens),
    unknownShare: share(unknown, tokens),
    // Share of characters that are written neither in bytes nor as unknown.
    coverage: 1 - share(fallbackCharacters + unknownCharacters, characters),
    // Of the text's own token frequencies, a token and a byte.
    unigramEntropyBits: share(bits, tokens),
    unigramBitsPerByte: share(bits, bytes),
  };
}

/** Code points. */
function characterCount(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) !== 0xdc00) count++;
  return count;
}

/** The unknown piece of a tokenizer whose files do not name it; -1 if there is none. */
function unnamedUnknown(tokenizer: OpenedTokenizer): number {
  return Array.from({ length: tokenizer.vocabSize }, (_, id) => id)
    .find((id) => ["<unk>", "[UNK]"].includes(tokenizer.piece(id))) ?? -1;
}

const examples = `
Examples:
  deno task tokenizer inspect --tokenizer my-tokenizer -i corpus.txt  how it cuts a text
  deno task tokenizer inspect -t tokenizer.json -i corpus.jsonl --json`;
