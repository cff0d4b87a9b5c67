/**
 * SentencePiece's `.model`: a protocol buffer with pieces, scores and the rules of normalisation.
 *
 * Fields that we do not use (how the model was trained, samples) are kept unchanged, so that a file read and written again is
 * the same file.
 *
 * Source: SentencePiece, `sentencepiece_model.proto`.
 */
import { ProtoError, ProtoWriter, readFields } from "../../base/mod.ts";

/** Kinds of pieces, numbered as in the file. */
export const pieceKinds = {
  normal: 1,
  unknown: 2,
  control: 3,
  userDefined: 4,
  unused: 5,
  byte: 6,
} as const;

export type PieceKind = typeof pieceKinds[keyof typeof pieceKinds];

export interface ModelPiece {
  /** As written, a space as `▁`. */
  readonly text: string;
  /** A single-precision number. */
  readonly score: number;
  readonly kind: PieceKind;
}

/** Normalisation of text. */
export interface NormalizerRules {
  readonly name: string;
  /** Replacements, compiled (`charsmap.ts`); empty: none. */
  readonly charsmap: Uint8Array;
  readonly addDummyPrefix: boolean;
  readonly removeExtraWhitespaces: boolean;
  readonly escapeWhitespaces: boolean;
}

export interface SentencePieceModel {
  readonly pieces: readonly ModelPiece[];
  readonly byteFallback: boolean;
  /** White space goes with the word before it. */
  readonly whitespaceIsSuffix: boolean;
  /** Text that an unknown piece is decoded to. */
  readonly unknownSurface: string;
  readonly normalizer: NormalizerRules;
  readonly denormalizer: NormalizerRules | undefined;
  /** Fields of the file other than pieces, as they stand there; written back. */
  readonly rest: Uint8Array;
}

/** The fault of a model and its place: `piece 17`, `byte 4711`. */
export class BadModel extends Error {
  override readonly name = "BadModel";

  constructor(place: string, expected: string, found: string) {
    super(`, ${place}: expected ${expected}, found ${found}`);
  }
}

const noRules: NormalizerRules = {
  name: "",
  charsmap: new Uint8Array(0),
  addDummyPrefix: true,
  removeExtraWhitespaces: true,
  escapeWhitespaces: true,
};
/** SentencePiece refuses pieces of this many bytes. */
const mostPieceBytes = 8000;
/** Beyond that, sums of scores could overflow single precision. */
const largestScore = 1e9;
const modelTypes = ["", "unigram", "bpe", "word", "char"];

/** @throws BadModel with the place of damage, or of a kind of model that this project does not run */
export function parseModel(bytes: Uint8Array): SentencePieceModel {
  const pieces: ModelPiece[] = [];
  const rest: Uint8Array[] = [];
  let trainer: Uint8Array = new Uint8Array(0);
  let normalizer = noRules;
  let denormalizer: NormalizerRules | undefined;
  let inside = "";
  try {
    for (const { number, value, start, end } of readFields(bytes)) {
      inside = number === 1 ? `piece ${pieces.length}, ` : number === 3 ? "normalizer_spec, " : "";
      if (number === 1) {
        pieces.push(parsePiece(messageOf(value, `piece ${pieces.length}`), pieces.length));
        continue;
      }
      rest.push(bytes.subarray(start, end));
      if (number === 2) trainer = joined([trainer, messageOf(value, "trainer_spec")]);
      else if (number === 3) {
        normalizer = parseRules(messageOf(value, "normalizer_spec"), normalizer);
      } else if (number === 5) {
        denormalizer = parseRules(messageOf(value, "denormalizer_spec"), denormalizer ?? noRules);
      }
      inside = "";
    }
  } catch (error) {
    if (!(error instanceof ProtoError)) throw error;
    throw new BadModel(`${inside}byte ${error.at}`, error.expected, error.found);
  }
  const settings = parseTrainer(trainer);
  checkPieces(pieces, settings.byteFallback);
  return { pieces, ...settings, normalizer, denormalizer, rest: joined(rest) };
}

/** A file's bytes. The same model gives the same bytes. */
export function formatModel(
  { pieces, rest }: Pick<SentencePieceModel, "pieces" | "rest">,
): Uint8Array<ArrayBuffer> {
  const file = new ProtoWriter();
  for (const { text, score, kind } of pieces) {
    file.message(1, (piece) => {
      piece.string(1, text).float(2, score);
      if (kind !== pieceKinds.normal) piece.int(3, kind);
    });
  }
  return file.raw(rest).finish();
}

/** The fields beside the pieces, for a model that comes from elsewhere. */
export function formatRest(
  settings: {
    readonly vocabSize: number;
    readonly byteFallback: boolean;
    readonly padId: number;
    readonly normalizer: NormalizerRules;
  },
): Uint8Array<ArrayBuffer> {
  const { vocabSize, byteFallback, padId, normalizer } = settings;
  return new ProtoWriter()
    .message(2, (trainer) =>
      trainer
        .int(3, 1) // unigram
        .int(4, vocabSize)
        .int(26, 1) // pieces of white space only
        .int(35, Number(byteFallback))
        .int(43, padId))
    .message(3, (rules) =>
      rules
        .string(1, normalizer.name)
        .bytes(2, normalizer.charsmap)
        .int(3, Number(normalizer.addDummyPrefix))
        .int(4, Number(normalizer.removeExtraWhitespaces))
        .int(5, Number(normalizer.escapeWhitespaces)))
    .finish();
}

function parsePiece(bytes: Uint8Array, index: number): ModelPiece {
  const place = `piece ${index}`;
  let text = "";
  let score = 0;
  let kind: number = pieceKinds.normal;
  for (const { number, value } of readFields(bytes)) {
    if (number === 1) text = textOf(value, place);
    else if (number === 2) score = floatOf(value, place);
    else if (number === 3) kind = numberOf(value, place);
  }
  if (kind < pieceKinds.normal || kind > pieceKinds.byte) {
    throw new BadModel(place, "a kind from 1 to 6", `${kind}`);
  }
  return { text, score, kind: kind as PieceKind };
}

function parseTrainer(bytes: Uint8Array) {
  let [byteFallback, whitespaceIsSuffix, unknownSurface] = [false, false, " \u2047 "];
  try {
    for (const { number, value } of readFields(bytes)) {
      if (number === 3 && value !== 1) {
        const name = typeof value === "number" ? modelTypes[value] ?? `${value}` : "bytes";
        throw new BadModel(
          "trainer_spec.model_type",
          "unigram (a BPE model can be used as a tokenizer.json)",
          name,
        );
      } else if (number === 24) {
        whitespaceIsSuffix = numberOf(value, "trainer_spec.treat_whitespace_as_suffix") !== 0;
      } else if (number === 35) {
        byteFallback = numberOf(value, "trainer_spec.byte_fallback") !== 0;
      } else if (number === 44) {
        unknownSurface = textOf(value, "trainer_spec.unk_surface");
      }
    }
  } catch (error) {
    if (!(error instanceof ProtoError)) throw error;
    throw new BadModel(`trainer_spec, byte ${error.at}`, error.expected, error.found);
  }
  return { byteFallback, whitespaceIsSuffix, unknownSurface };
}

function parseRules(bytes: Uint8Array, before: NormalizerRules): NormalizerRules {
  let { name, charsmap, addDummyPrefix, removeExtraWhitespaces, escapeWhitespaces } = before;
  for (const { number, value } of readFields(bytes)) {
    if (number === 1) name = textOf(value, "normalizer_spec.name");
    else if (number === 2) charsmap = messageOf(value, "normalizer_spec.precompiled_charsmap");
    else if (number === 3) addDummyPrefix = numberOf(value, "normalizer_spec") !== 0;
    else if (number === 4) removeExtraWhitespaces = numberOf(value, "normalizer_spec") !== 0;
    else if (number === 5) escapeWhitespaces = numberOf(value, "normalizer_spec") !== 0;
  }
  return { name, charsmap, addDummyPrefix, removeExtraWhitespaces, escapeWhitespaces };
}

/** The checks that SentencePiece makes, and that scores can be added up. */
function checkPieces(pieces: readonly ModelPiece[], byteFallback: boolean): void {
  const normal = new Set<string>();
  const reserved = new Set<string>();
  let [unknown, bytes] = [0, 0];
  for (const [i, { text, score, kind }] of pieces.entries()) {
    const place = `piece ${i}`;
    const quoted = JSON.stringify(text);
    if (text === "" || text.includes("\0")) throw new BadModel(place, "text without NUL", quoted);
    if (
      text.length * 3 >= mostPieceBytes && new TextEncoder().encode(text).length >= mostPieceBytes
    ) {
      throw new BadModel(place, `fewer than ${mostPieceBytes} bytes`, `${text.length} characters`);
    }
    if (!(Math.abs(score) <= largestScore)) {
      throw new BadModel(place, `a score from -1e9 to 1e9`, `${score}`);
    }
    const isReserved = kind === pieceKinds.unknown || kind === pieceKinds.control ||
      kind === pieceKinds.byte;
    const seen = isReserved ? reserved : normal;
    if (seen.has(text)) throw new BadModel(place, "pieces that differ", `${quoted} again`);
    seen.add(text);
    if (kind === pieceKinds.unknown && unknown++ > 0) {
      throw new BadModel(place, "one unknown piece", "a second one");
    }
    if (kind !== pieceKinds.byte) continue;
    if (!byteFallback) {
      throw new BadModel(place, "no byte pieces without byte_fallback", quoted);
    }
    if (!/^<0x[0-9A-F]{2}>$/.test(text)) throw new BadModel(place, "a byte as <0x0A>", quoted);
    bytes++;
  }
  if (unknown === 0) throw new BadModel("pieces", "an unknown piece", `none in ${pieces.length}`);
  if (byteFallback && bytes !== 256) throw new BadModel("pieces", "256 byte pieces", `${bytes}`);
  if (normal.size === 0) throw new BadModel("pieces", "pieces to encode with", "none");
}

function messageOf(value: number | Uint8Array, place: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new BadModel(place, "bytes", "a number");
}

function numberOf(value: number | Uint8Array, place: string): number {
  if (typeof value === "number") return value;
  throw new BadModel(place, "a number", `${value.length} bytes`);
}

function textOf(value: number | Uint8Array, place: string): string {
  const bytes = messageOf(value, place);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new BadModel(place, "UTF-8", "other bytes");
  }
}

function floatOf(value: number | Uint8Array, place: string): number {
  const bits = Uint32Array.of(numberOf(value, place));
  return new Float32Array(bits.buffer)[0];
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const writer = new ProtoWriter();
  for (const part of parts) writer.raw(part);
  return writer.finish();
}
