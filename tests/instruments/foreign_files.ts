/**
 * Small tokenizer files of other kinds, written by hand.
 */
import { join } from "node:path";

/** A small BPE on bytes, laid out as GPT-NeoX's file. */
export function bpeFile() {
  // GPT-2's characters for bytes: printable ones stand for themselves, the others come from U+0100 on.
  const printable = (b: number) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  let next = 256;
  const characters = Array.from(
    { length: 256 },
    (_, b) => String.fromCodePoint(printable(b) ? b : next++),
  );
  const merges = [["Ġ", "l"], ["o", "w"], ["Ġl", "ow"], ["e", "r"], ["Ã", "©"]];
  const pieces = ["<|endoftext|>", ...characters, ...merges.map((pair) => pair.join(""))];
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [added(0, "<|endoftext|>")],
    normalizer: { type: "NFC" },
    pre_tokenizer: {
      type: "ByteLevel",
      add_prefix_space: false,
      trim_offsets: true,
      use_regex: true,
    },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
      merges,
    },
  };
}

/** A small WordPiece. */
export function wordPieceFile() {
  const pieces = ["[UNK]", "[CLS]", "[SEP]", "low", "##er", "##est", "new", ",", "é"];
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [added(0, "[UNK]"), added(1, "[CLS]"), added(2, "[SEP]")],
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: false,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: null,
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
    },
  };
}

/** A small vocabulary of whole words. */
export function wordLevelFile() {
  return {
    ...wordPieceFile(),
    added_tokens: [added(0, "[UNK]")],
    normalizer: { type: "Lowercase" },
    pre_tokenizer: { type: "Whitespace" },
    decoder: null,
    model: {
      type: "WordLevel",
      vocab: { "[UNK]": 0, the: 1, cat: 2, "山水": 3 },
      unk_token: "[UNK]",
    },
  };
}

/** A small unigram vocabulary, laid out as T5's file. @param rules of normalisation, as SentencePiece compiles them */
export function unigramFile(rules: Uint8Array) {
  const pieces = ["▁", "▁the", "▁cat", "at", "f", "i", "é", "山", "c", "t", "h", "e", "a"];
  const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true };
  return {
    ...wordPieceFile(),
    added_tokens: [added(0, "<pad>"), added(1, "<unk>")],
    normalizer: { type: "Precompiled", precompiled_charsmap: rules.toBase64() },
    pre_tokenizer: metaspace,
    post_processor: {
      type: "TemplateProcessing",
      single: [{ Sequence: { id: "A", type_id: 0 } }],
      pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 0 } }],
      special_tokens: {},
    },
    decoder: metaspace,
    model: {
      type: "Unigram",
      unk_id: 1,
      vocab: [["<pad>", 0], ["<unk>", 0], ...pieces.map((piece, i) => [piece, -1.5 - i / 7])],
      byte_fallback: false,
    },
  };
}

function added(id: number, content: string) {
  return {
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  };
}

/** A folder that goes when the test is over, and what puts bytes, text or JSON into it. */
export function temporaryFolder() {
  const path = Deno.makeTempDirSync();
  return {
    path,
    write(name: string, content: unknown): string {
      const file = join(path, name);
      if (content instanceof Uint8Array) Deno.writeFileSync(file, content);
      else {
        const text = typeof content === "string" ? content : JSON.stringify(content);
        Deno.writeTextFileSync(file, text);
      }
      return file;
    },
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}
