/**
 * What the rest of the project sees of a tokenizer.
 */

/** Ids of the special pieces, the same in every vocabulary. Byte pieces `<0x00>` … `<0xFF>` follow at 7 … 262. */
export const specialIds = {
  unknown: 0, // <unk>
  begin: 1, // <s>
  end: 2, // </s>, after every document
  pad: 3, // <pad>
  start: 4, // <start>, fine-tuning inputs begin with it
  delimiter: 5, // <delimiter>, between the texts of a fine-tuning input
  extract: 6, // <extract>, its hidden state feeds the head
} as const;

/** Ids by part. A vocabulary of others that keeps its ids has its own; one piece may then have several parts. */
export type SpecialIds = Readonly<Record<keyof typeof specialIds, number>>;

/** The special pieces' text, by id. */
export const specialPieces = [
  "<unk>",
  "<s>",
  "</s>",
  "<pad>",
  "<start>",
  "<delimiter>",
  "<extract>",
] as const;

/** Id of the piece for byte 0; byte b is `firstByteId + b`. */
export const firstByteId = specialPieces.length;

export interface Tokenizer {
  readonly vocabSize: number;
  /** Ids of the special pieces where they are not `specialIds`; -1 for an unknown piece that there is not. */
  readonly special?: SpecialIds;
  /** Ids of a text, without special pieces. With byte fallback every text has ids, and decoding gives it back exactly. */
  encode(text: string): Int32Array;
  /** The text of ids; special pieces give nothing. */
  decode(ids: ArrayLike<number>): string;
  /** A piece as written in the vocabulary (`▁the`, `<0x0A>`). */
  piece(id: number): string;
  /** UTF-8 bytes of text that a piece stands for; 0 for special pieces. */
  byteLength(id: number): number;
}
