/**
 * A BPE tokenizer on bytes with merges, as other programs publish them, trained on a few texts: npm packages here train none.
 */
import type { Json } from "../../base/mod.ts";
import { byteNames } from "../../tokenizers/unigram/pieces.ts";

const words = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
const plain = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true } as const;

/** Parts of `tokenizer.json` of several kinds of published tokenizers. */
export const bpeKinds: Readonly<Record<string, { readonly [key: string]: Json }>> = {
  "as of GPT-2": { pre_tokenizer: { ...plain, use_regex: true } },
  "as of Pythia": {
    normalizer: { type: "NFC" },
    pre_tokenizer: { ...plain, use_regex: true },
    added_tokens: ["  ", "   ", "     "],
  },
  "as of SmolLM": {
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [{ type: "Digits", individual_digits: true }, { ...plain, use_regex: true }],
    },
  },
  "as of Qwen2": {
    normalizer: { type: "NFC" },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        {
          type: "Split",
          pattern: {
            Regex:
              "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
          },
          behavior: "Isolated",
          invert: false,
        },
        { ...plain, use_regex: false },
      ],
    },
  },
};

/** The text of a `tokenizer.json` whose ids are the 256 bytes, `<|endoftext|>` at 256, then merged pieces. @param parts That a kind has of its own */
export function bpeTokenizerJson(
  texts: readonly string[],
  merges: number,
  { added_tokens = [], ...parts }: { readonly [key: string]: Json },
): string {
  const [, letters] = byteNames();
  const made = mergesOf(texts, merges, letters);
  const vocab = Object.fromEntries([
    ...letters.map((letter, byte) => [letter, byte]),
    ["<|endoftext|>", 256],
    ...made.map(([left, right], i) => [left + right, 257 + i]),
  ]);
  return JSON.stringify({
    version: "1.0",
    truncation: null,
    padding: null,
    normalizer: null,
    post_processor: null,
    decoder: plain,
    ...parts,
    added_tokens: [
      added("<|endoftext|>", 256, true),
      ...(added_tokens as string[]).map((text, i) => added(text, 257 + made.length + i, false)),
    ],
    model: {
      ...{ type: "BPE", dropout: null, unk_token: null, fuse_unk: false, byte_fallback: false },
      ...{ continuing_subword_prefix: null, end_of_word_suffix: null },
      vocab,
      merges: made.map((pair) => pair.join(" ")),
    },
  });
}

function added(content: string, id: number, special: boolean): Json {
  return {
    ...{ id, content, special },
    ...{ single_word: false, lstrip: false, rstrip: false, normalized: false },
  };
}

/** The commonest neighbours first, ties by their text. */
function mergesOf(texts: readonly string[], merges: number, letters: readonly string[]) {
  const encoder = new TextEncoder();
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const [word] of text.matchAll(words)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  let split = [...counts].map(([word, count]) => ({
    parts: Array.from(encoder.encode(word), (byte) => letters[byte]),
    count,
  }));
  const made: [string, string][] = [];
  while (made.length < merges) {
    const pairs = new Map<string, number>();
    for (const { parts, count } of split) {
      for (let i = 1; i < parts.length; i++) {
        const pair = `${parts[i - 1]} ${parts[i]}`;
        pairs.set(pair, (pairs.get(pair) ?? 0) + count);
      }
    }
    const [best] = [...pairs].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
    if (best === undefined) break;
    const [left, right] = best[0].split(" ");
    made.push([left, right]);
    split = split.map(({ parts, count }) => ({ parts: merged(parts, left, right), count }));
  }
  return made;
}

function merged(parts: readonly string[], left: string, right: string): string[] {
  const out: string[] = [];
  for (const part of parts) {
    if (part === right && out.at(-1) === left) out[out.length - 1] = left + right;
    else out.push(part);
  }
  return out;
}
