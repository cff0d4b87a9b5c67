/**
 * A SentencePiece unigram model as a tokenizer.
 */
import type { OpenedTokenizer, SpecialRoles } from "../opened_tokenizer.ts";
import { UnigramTextEncoder } from "../unigram/text_encoder.ts";
import { TextBuffer } from "../unigram/text_buffer.ts";
import type { WordRule } from "../unigram/word_rules.ts";
import { joinTexts } from "../unigram/utf8.ts";
import type { EncoderPieces } from "../unigram/piece_table.ts";
import { type ModelPiece, pieceKinds, type SentencePieceModel } from "./model_file.ts";
import { SentencePieceNormalizer } from "./normalizer.ts";

const mark = "▁";
/** An unknown character scores this much less than the least likely piece. */
const unknownPenalty = 10;
/** What SentencePiece takes for the highest score when all are below 0. */
const leastPositive = 2 ** -126;

export interface SentencePieceOptions {
  /**
   * Ids equal to SentencePiece's to the last one: ties and near ties go by single-precision sums from the text's start.
   * Without it they go by what a word itself holds, which gives other ids for about 1 word of 10,000.
   */
  readonly exactTies?: boolean;
}

/** Ids are places in the model's list of pieces. Text is normalised as the model says, line feeds included. */
export class SentencePieceTokenizer extends UnigramTextEncoder implements OpenedTokenizer {
  readonly kind = "sentencepiece";
  readonly vocabSize: number;
  readonly model: SentencePieceModel;
  readonly #denormalizer: SentencePieceNormalizer | undefined;

  /** @throws RangeError for a model whose rules of normalisation are damaged */
  constructor(model: SentencePieceModel, { exactTies = false }: SentencePieceOptions = {}) {
    const userDefined = model.pieces.filter(({ kind }) => kind === pieceKinds.userDefined);
    const utf8 = new TextEncoder();
    const normalizer = new SentencePieceNormalizer(model.normalizer, {
      whitespaceIsSuffix: model.whitespaceIsSuffix,
      userDefined: userDefined.map(({ text }) => utf8.encode(text)),
    });
    const { texts, pieces } = encoderPieces(model);
    const options = { words: wordRuleFor(texts, model.byteFallback), exactTies };
    super(pieces, options, { normalizer });
    this.model = model;
    this.vocabSize = model.pieces.length;
    const { denormalizer } = model;
    this.#denormalizer = denormalizer === undefined || denormalizer.charsmap.length === 0
      ? undefined
      : new SentencePieceNormalizer(denormalizer, { whitespaceIsSuffix: false, userDefined: [] });
  }

  /** Ids of the pieces with a part of their own, by the names that SentencePiece gives them. */
  get roles(): SpecialRoles {
    const { pieces } = this.model;
    const control = (name: string) => {
      const id = pieces.findIndex(({ text, kind }) => kind === pieceKinds.control && text === name);
      return id < 0 ? undefined : id;
    };
    return {
      unknown: pieces.findIndex(({ kind }) => kind === pieceKinds.unknown),
      begin: control("<s>"),
      end: control("</s>"),
      pad: control("<pad>"),
    };
  }

  /**
   * The text of ids: what normalisation changed stays changed, and the spaces that it put in front are taken away. Bytes
   * that are not UTF-8 come out as U+FFFD each.
   */
  decode(ids: ArrayLike<number>): string {
    const { normalizer, unknownSurface } = this.model;
    const stripsAll = normalizer.removeExtraWhitespaces;
    let text = "";
    let bytes: number[] = [];
    let isStart = true;
    let strippedOne = false;
    for (let i = 0; i < ids.length; i++) {
      const { text: piece, kind } = this.#piece(ids[i]);
      if (kind === pieceKinds.byte) {
        bytes.push(byteOf(piece));
        continue;
      }
      text += decodeBytes(bytes);
      bytes = [];
      if (strippedOne || text !== "") isStart = false;
      strippedOne = false;
      if (kind === pieceKinds.control) continue;
      if (kind === pieceKinds.unknown) {
        text += unknownSurface;
        continue;
      }
      let surface = piece;
      if (isStart && (stripsAll || normalizer.addDummyPrefix) && surface.startsWith(mark)) {
        surface = surface.slice(mark.length);
        strippedOne = !stripsAll;
      }
      text += surface.replaceAll(mark, " ");
    }
    text += decodeBytes(bytes);
    return this.#denormalizer === undefined ? text : denormalize(this.#denormalizer, text);
  }

  piece(id: number): string {
    return this.#piece(id).text;
  }

  byteLength(id: number): number {
    const { text, kind } = this.#piece(id);
    if (kind === pieceKinds.byte) return 1;
    if (kind === pieceKinds.control || kind === pieceKinds.unknown) return 0;
    return new TextEncoder().encode(text.replaceAll(mark, " ")).length;
  }

  #piece(id: number): ModelPiece {
    const piece = this.model.pieces[id];
    if (piece !== undefined) return piece;
    throw new RangeError(
      `Cannot look up piece ${id}: expected an id from 0 to ${this.vocabSize - 1}`,
    );
  }
}

/** The pieces that text is written with, as the normalizer leaves it. */
function encoderPieces(model: SentencePieceModel): { texts: string[]; pieces: EncoderPieces } {
  const { pieces, byteFallback, normalizer: { escapeWhitespaces } } = model;
  const normal = pieces.filter(({ kind }) => kind === pieceKinds.normal);
  const least = normal.reduce((least, p) => Math.min(least, p.score), normal[0]?.score ?? 0);
  const most = normal.reduce((most, p) => Math.max(most, p.score), leastPositive);
  const ids: number[] = [];
  const texts: string[] = [];
  const scores: number[] = [];
  for (const [id, { text, score, kind }] of pieces.entries()) {
    if (kind !== pieceKinds.normal && kind !== pieceKinds.userDefined) continue;
    if (escapeWhitespaces && text.includes(" ")) continue; // there are no spaces in a text: it matches nothing
    ids.push(id);
    texts.push(escapeWhitespaces ? text.replaceAll(mark, " ") : text);
    // Symbols of the user are to win always: that is what SentencePiece gives them, in its precision.
    const bytes = kind === pieceKinds.userDefined ? new TextEncoder().encode(text).length : 0;
    scores.push(bytes > 0 ? Math.fround(bytes * most) - 0.1 : score);
  }
  const byteIds = new Int32Array(256);
  let unknownId = 0;
  for (const [id, { text, kind }] of pieces.entries()) {
    if (kind === pieceKinds.byte) byteIds[byteOf(text)] = id;
    if (kind === pieceKinds.unknown) unknownId = id;
  }
  return {
    texts,
    pieces: {
      strings: joinTexts(texts),
      scores: Float64Array.from(scores),
      ids: Int32Array.from(ids),
      unknownScore: Math.fround(least - unknownPenalty),
      unknown: byteFallback ? { byteIds } : { id: unknownId },
    },
  };
}

/** The smallest words that no piece, and no run of unknown characters, goes beyond. */
function wordRuleFor(texts: readonly string[], byteFallback: boolean): WordRule {
  if (!byteFallback && !texts.includes(" ")) return "none";
  if (!texts.some((text) => text.includes(" ", 1))) return "before-space";
  return texts.some((text) => /[^ ] /.test(text)) ? "none" : "space-runs";
}

function byteOf(piece: string): number {
  return parseInt(piece.slice(3, 5), 16);
}

/** Bytes as text, each that is not of a well-formed character as U+FFFD. */
function decodeBytes(bytes: readonly number[]): string {
  if (bytes.length === 0) return "";
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}

function denormalize(normalizer: SentencePieceNormalizer, text: string): string {
  const [from, to] = [new TextBuffer(), new TextBuffer()];
  from.loadText(text);
  normalizer.normalize(from.bytes, 0, from.length, to);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(to.bytes.subarray(0, to.length));
}
