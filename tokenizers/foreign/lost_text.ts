/**
 * Text that a BPE passes over: a character that has no piece, where the file names no unknown piece and no pieces of bytes.
 *
 * Source: Hugging Face `tokenizers` 0.23, `models/bpe/model.rs`, `merge_word`.
 */
import type { Tokenizer } from "tokenizers";
import { byteName, byteNames } from "../unigram/pieces.ts";

/** How a file's BPE begins: with a piece for each character. */
export interface LossRules {
  /** Put before characters other than a word's first, and after its last. */
  readonly prefix: string;
  readonly suffix: string;
  /** A word that is a piece is taken whole. */
  readonly ignoreMerges: boolean;
  readonly byteFallback: boolean;
  /** Texts that are pieces before anything else happens. */
  readonly added: readonly string[];
}

/** The parts of a `tokenizer.json` that say what can be lost. */
export interface BpeFile {
  readonly added_tokens?: readonly { readonly content: string }[];
  readonly normalizer?: unknown;
  readonly pre_tokenizer?: unknown;
  readonly model?: {
    readonly type?: string;
    readonly merges?: unknown;
    readonly unk_token?: string | null;
    readonly continuing_subword_prefix?: string | null;
    readonly end_of_word_suffix?: string | null;
    readonly ignore_merges?: boolean;
    readonly byte_fallback?: boolean;
  };
}

/** Undefined for a file that loses nothing. @param has whether the vocabulary holds a piece */
export function lossRulesOf(
  { added_tokens: added, normalizer, pre_tokenizer, model = {} }: BpeFile,
  has: (piece: string) => boolean,
): LossRules | undefined {
  const [named, written] = byteNames();
  const isBpe = model.type === "BPE" || (model.type === undefined && model.merges !== undefined);
  if (!isBpe || typeof model.unk_token === "string") return undefined;
  if (model.byte_fallback && named.every(has)) return undefined;
  const prefix = model.continuing_subword_prefix ?? "";
  const suffix = model.end_of_word_suffix ?? "";
  const isOnBytes = JSON.stringify([normalizer, pre_tokenizer]).includes('"ByteLevel"');
  // No UTF-8 has the bytes C0, C1, and F5 to FF.
  const inText = written.filter((_, byte) => byte !== 0xc0 && byte !== 0xc1 && byte < 0xf5);
  if (isOnBytes && prefix + suffix === "" && inText.every(has)) return undefined;
  return {
    prefix,
    suffix,
    ignoreMerges: model.ignore_merges ?? false,
    byteFallback: model.byte_fallback ?? false,
    added: (added ?? []).map(({ content }) => content).filter((content) => content !== ""),
  };
}

/** The first character of a text that no piece stands for, as it is looked for; undefined if there is none. */
export function lostCharacter(
  text: string,
  rules: LossRules,
  tokenizer: Tokenizer,
): string | undefined {
  const has = (piece: string) => tokenizer.tokenToId(piece) !== null;
  const [normalizer, preTokenizer] = [tokenizer.getNormalizer(), tokenizer.getPreTokenizer()];
  for (const part of betweenAdded(text, rules.added)) {
    const normal = normalizer?.normalizeString(part) ?? part;
    const words = preTokenizer?.preTokenizeString(normal).map(([word]) => word) ?? [normal];
    for (const word of words) {
      if (rules.ignoreMerges && has(word)) continue;
      const characters = [...word];
      const lost = characters.find((character, i) => {
        const piece = (i > 0 ? rules.prefix : "") + character +
          (i === characters.length - 1 ? rules.suffix : "");
        const bytes = new TextEncoder().encode(piece);
        return !has(piece) && !(rules.byteFallback && [...bytes].map(byteName).every(has));
      });
      if (lost !== undefined) return lost;
    }
  }
  return undefined;
}

/** The parts of a text between pieces that are cut out first, the longest where several begin. */
function betweenAdded(text: string, added: readonly string[]): readonly string[] {
  const longestFirst = added.toSorted((a, b) => b.length - a.length);
  return longestFirst.reduce((parts, content) => parts.flatMap((part) => part.split(content)), [
    text,
  ]).filter((part) => part !== "");
}
