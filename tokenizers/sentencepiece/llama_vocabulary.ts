/**
 * A unigram vocabulary as llama.cpp reads it, under its tokenizer type `t5`.
 *
 * That type leaves out byte pieces when it encodes: a run of characters without a piece becomes one `<unk>`. So byte pieces of
 * ASCII stand there as pieces of text, each with the score that our encoder gives to a character without a piece; ids and
 * decoded text stay the same. Characters beyond ASCII that have no piece are lost.
 *
 * Source: llama.cpp, `src/llama-vocab.cpp`, `llm_tokenizer_ugm`; the missing fallback is its issue 28862.
 */
import { byteName } from "../unigram/pieces.ts";
import { pieceKinds, type SentencePieceModel } from "./model_file.ts";

export interface LlamaVocabulary {
  readonly tokens: readonly string[];
  readonly scores: Float32Array;
  /** The numbers of SentencePiece, which llama.cpp has taken over. */
  readonly kinds: Int32Array;
  /** Normalisation, compiled; empty for none. */
  readonly charsmap: Uint8Array;
  readonly addsSpacePrefix: boolean;
  readonly removesExtraWhitespaces: boolean;
  /** Ids of the byte pieces that no text is encoded to. */
  readonly lostIds: readonly number[];
}

/** A character without a piece scores this much less than the least likely piece. */
const unknownPenalty = 10;

export function llamaVocabulary({ pieces, normalizer }: SentencePieceModel): LlamaVocabulary {
  const texts = new Set(pieces.map(({ text }) => text));
  const least = pieces.reduce(
    (low, { kind, score }) => kind === pieceKinds.normal ? Math.min(low, score) : low,
    0,
  );
  const stand = new Map<string, string>();
  for (let byte = 1; byte < 128; byte++) { // strings of C end at byte 0
    const text = byte === 0x20 ? "▁" : String.fromCharCode(byte);
    if (!texts.has(text)) stand.set(byteName(byte), text); // two equal tokens are refused
  }
  const written = pieces.map((piece) => {
    const text = piece.kind === pieceKinds.byte ? stand.get(piece.text) : undefined;
    return text === undefined
      ? piece
      : { text, score: least - unknownPenalty, kind: pieceKinds.normal };
  });
  return {
    tokens: written.map(({ text }) => text),
    scores: Float32Array.from(written, ({ score }) => score),
    kinds: Int32Array.from(written, ({ kind }) => kind),
    charsmap: normalizer.charsmap,
    addsSpacePrefix: normalizer.addDummyPrefix,
    removesExtraWhitespaces: normalizer.removeExtraWhitespaces,
    // A byte of ASCII whose character has a piece of its own is never needed.
    lostIds: written.flatMap(({ kind, text }, id) =>
      kind === pieceKinds.byte && isLost(text) ? [id] : []
    ),
  };
}

/** `<0x80>` … `<0xFF>`, and `<0x00>`. */
function isLost(name: string): boolean {
  const byte = Number.parseInt(name.slice(1, -1));
  return byte === 0 || byte >= 128;
}
