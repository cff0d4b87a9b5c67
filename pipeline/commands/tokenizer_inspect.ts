/**
 * `tokenizer inspect`: what a tokenizer makes of a text.
 */
import { openTokenizer } from "../../tokenizers/mod.ts";
import { formatBytes, formatCount } from "../base/mod.ts";
import { readTexts } from "./_text_input.ts";

export interface InspectOptions {
  readonly tokenizer: string;
  readonly input?: readonly string[];
  readonly textField: string;
  readonly json?: boolean;
}

/** Measures of a tokenizer on a text. Shares are of tokens. */
export interface Inspection {
  readonly kind: string;
  readonly vocabSize: number;
  readonly texts: number;
  readonly bytes: number;
  readonly characters: number;
  /** Runs of anything but white space. */
  readonly words: number;
  readonly tokens: number;
  /** Pieces of the vocabulary that the text uses. */
  readonly usedPieces: number;
  readonly bytesPerToken: number;
  readonly charactersPerToken: number;
  /** Tokens a word. */
  readonly fertility: number;
  readonly byteFallbackShare: number;
  readonly unknownShare: number;
  /** Share of characters that are not written in bytes or as unknown: 1 - (fallback characters + unknown) / characters. */
  readonly coverage: number;
  /** Of the text's own token frequencies, in bits a token, and a byte. */
  readonly unigramEntropyBits: number;
  readonly unigramBitsPerByte: number;
}

export async function inspect(options: InspectOptions): Promise<void> {
  const inspection = await inspectTexts(options);
  if (options.json) {
    console.log(JSON.stringify(inspection));
    return;
  }
  const { vocabSize, texts, bytes, words, tokens, usedPieces } = inspection;
  const percent = (share: number) => `${(100 * share).toFixed(3)} %`;
  const rows: [string, string][] = [
    ["kind", inspection.kind],
    ["pieces", formatCount(vocabSize)],
    ["text", `${formatBytes(bytes)} in ${formatCount(texts)} lines or records`],
    ["words", formatCount(words)],
    ["tokens", formatCount(tokens)],
    ["pieces used", `${formatCount(usedPieces)} (${percent(usedPieces / vocabSize)})`],
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
  for (const [name, value] of rows) console.log(`${name.padEnd(width)}  ${value}`);
}

export async function inspectTexts(options: InspectOptions): Promise<Inspection> {
  using tokenizer = await openTokenizer(options.tokenizer);
  const counts = new Float64Array(tokenizer.vocabSize);
  let [texts, bytes, characters, words, tokens] = [0, 0, 0, 0, 0];
  const { input: files, textField } = options;
  for await (const batch of readTexts({ files, textField, invalid: "error" })) {
    let lines = batch as readonly string[];
    if (batch instanceof Uint8Array) {
      const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(batch);
      lines = (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
    }
    const { ids } = tokenizer.encodeBatch(lines);
    for (const id of ids) counts[id]++;
    tokens += ids.length;
    texts += lines.length;
    for (const line of lines) {
      for (let i = 0; i < line.length; i++) {
        if ((line.charCodeAt(i) & 0xfc00) !== 0xdc00) characters++;
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
    if (piece === "<unk>" || piece === "[UNK]") unknown += count;
  }
  const share = (part: number, whole: number) => whole === 0 ? 0 : part / whole;
  const bits = nats / Math.LN2;
  return {
    kind: tokenizer.kind,
    vocabSize: tokenizer.vocabSize,
    texts,
    bytes,
    characters,
    words,
    tokens,
    usedPieces: used,
    bytesPerToken: share(bytes, tokens),
    charactersPerToken: share(characters, tokens),
    fertility: share(tokens, words),
    byteFallbackShare: share(fallback, tokens),
    unknownShare: share(unknown, tokens),
    coverage: 1 - share(fallbackCharacters + unknown, characters),
    unigramEntropyBits: share(bits, tokens),
    unigramBitsPerByte: share(bits, bytes),
  };
}
