/**
 * The config of a unigram tokenizer's training.
 */
import { didYouMean, UsageError } from "../../base/mod.ts";
import { specialPieces } from "../tokenizer.ts";
import { type NormalizationRule, normalizationRules } from "./normalizer.ts";

export interface UnigramConfig {
  /** Rows of the vocabulary: special and byte pieces, symbols and learned pieces. The trained vocabulary has exactly this many. */
  readonly vocabSize: number;
  /** Share of the text's characters, commonest first, that get a piece of their own; the rest is written in bytes. */
  readonly characterCoverage: number;
  /** Longest piece, in characters. */
  readonly maxPieceLength: number;
  /** Most candidates that training starts from. */
  readonly seedSize: number;
  /** Share of the candidates that survives a round of pruning. */
  readonly shrinkingFactor: number;
  /** EM steps before each pruning. */
  readonly subIterations: number;
  /** No piece mixes scripts, or letters with punctuation. */
  readonly splitByScript: boolean;
  /** No piece mixes digits with letters. */
  readonly splitByNumber: boolean;
  /** No piece holds a digit and anything else. */
  readonly splitDigits: boolean;
  /** No piece goes on after a space; otherwise pieces may hold several words of a line. */
  readonly splitByWhitespace: boolean;
  /** Characters without a piece are written in 256 byte pieces, not as `<unk>`. */
  readonly byteFallback: boolean;
  /** Texts that are cut out first, however rare: each is one token everywhere. */
  readonly userDefinedSymbols: readonly string[];
  /** Pieces that no text gives: reserved ids for the caller's own use. */
  readonly controlSymbols: readonly string[];
  /** Normalisation of text, before anything else: see `normalizer.ts`. */
  readonly normalizationRule: NormalizationRule;
  /** Runs of spaces become one, those at both ends go. Off, indentation survives. */
  readonly removeExtraWhitespaces: boolean;
  /** A text gets a leading space, so that its first word has the same piece as inside a text. */
  readonly addDummyPrefix: boolean;
  /** Most characters of distinct segments that are learned from; of more, the commonest segments are taken. */
  readonly maxSegmentCharacters: number;
  /** Documents are read in order until their UTF-8 bytes reach this many; the last one is read whole. */
  readonly maxTextBytes: number;
}

/**
 * The one home of these numbers. They suit text that has to come back exactly, code and its indentation included: nothing is
 * normalised, bytes stand in for rare characters. SentencePiece's own defaults differ in `normalizationRule` (nmt_nfkc),
 * `removeExtraWhitespaces` and `addDummyPrefix` (true), `byteFallback` (false) and `subIterations` (2).
 */
export const unigramDefaults: UnigramConfig = {
  vocabSize: 8192,
  characterCoverage: 0.9995,
  maxPieceLength: 16,
  seedSize: 1_000_000,
  shrinkingFactor: 0.75,
  subIterations: 1,
  splitByScript: true,
  splitByNumber: true,
  splitDigits: false,
  splitByWhitespace: true,
  byteFallback: true,
  userDefinedSymbols: [],
  controlSymbols: [],
  normalizationRule: "identity",
  removeExtraWhitespaces: false,
  addDummyPrefix: false,
  maxSegmentCharacters: 12_000_000,
  maxTextBytes: 67_108_864, // 64 MiB
};

/** Id of the first learned piece of a vocabulary without symbols: 7 special and 256 byte pieces come before it. */
export const firstLearnedId = 263;

/** Rows of a vocabulary that are not learned. */
export function reservedRows(config: UnigramConfig): number {
  return specialPieces.length + (config.byteFallback ? 256 : 0) + config.userDefinedSymbols.length +
    config.controlSymbols.length;
}

/** Words are cut after this many characters while training, so that a lattice stays small: encoding knows no such limit. */
export const maxSegmentLength = 64;

/** @throws RangeError that names the field, the values it may have and its value. */
export function checkUnigramConfig(config: UnigramConfig): void {
  for (const [field, isRight, expected] of fieldRules(config)) {
    if (isRight(config[field])) continue;
    throw new RangeError(
      `Cannot train a unigram tokenizer: expected ${field} to be ${expected}, found ${
        shown(config[field])
      }`,
    );
  }
}

/**
 * The config that a recipe's overrides of `unigramDefaults` make.
 *
 * @param place where the overrides stand, for messages: `vocabulary.global`
 * @throws UsageError for an unknown key or a value that does not fit
 */
export function unigramConfigOf(
  overrides: Readonly<Record<string, unknown>>,
  place: string,
): UnigramConfig {
  const config = { ...unigramDefaults, ...overrides } as UnigramConfig;
  const rules = fieldRules(config);
  const fields = rules.map(([field]) => field);
  for (const key of Object.keys(overrides)) {
    if (fields.includes(key as keyof UnigramConfig)) continue;
    throw new UsageError(
      `Cannot accept key "${key}" in ${place}: expected one of ${fields.join(", ")}${
        didYouMean(key, fields)
      }`,
    );
  }
  for (const [field, isRight, expected] of rules) {
    if (isRight(config[field])) continue;
    const found = JSON.stringify(config[field]);
    throw new UsageError(`Cannot accept ${place}.${field}: expected ${expected}, found ${found}`);
  }
  return config;
}

function shown(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

type FieldRule = readonly [
  field: keyof UnigramConfig,
  isRight: (value: unknown) => boolean,
  expected: string,
];

function fieldRules({ byteFallback }: { readonly byteFallback?: unknown }): readonly FieldRule[] {
  return [
    whole("vocabSize", byteFallback === false ? specialPieces.length : firstLearnedId, 2 ** 20),
    [
      "characterCoverage",
      (value) => typeof value === "number" && value > 0 && value <= 1,
      "a number above 0, at most 1",
    ],
    whole("maxPieceLength", 1, maxSegmentLength),
    whole("seedSize", 1, 2 ** 30),
    [
      "shrinkingFactor",
      (value) => typeof value === "number" && value > 0 && value < 1,
      "a number between 0 and 1",
    ],
    whole("subIterations", 1, 1000),
    flag("splitByScript"),
    flag("splitByNumber"),
    flag("splitDigits"),
    flag("splitByWhitespace"),
    flag("byteFallback"),
    symbols("userDefinedSymbols"),
    symbols("controlSymbols"),
    [
      "normalizationRule",
      (value) => normalizationRules.includes(value as NormalizationRule),
      `one of ${normalizationRules.join(", ")}`,
    ],
    flag("removeExtraWhitespaces"),
    flag("addDummyPrefix"),
    whole("maxSegmentCharacters", 1, 2 ** 28),
    whole("maxTextBytes", 1, Number.MAX_SAFE_INTEGER),
  ];
}

function flag(field: keyof UnigramConfig): FieldRule {
  return [field, (value) => typeof value === "boolean", "true or false"];
}

/** Texts that differ, are not empty, and do not look like a piece that every vocabulary has. */
function symbols(field: "userDefinedSymbols" | "controlSymbols"): FieldRule {
  return [
    field,
    (value) =>
      Array.isArray(value) && new Set(value).size === value.length &&
      value.every((symbol) => typeof symbol === "string" && isFreeText(symbol)),
    "a list of different texts, none of them empty, special or a byte piece",
  ];
}

function isFreeText(symbol: string): boolean {
  return symbol !== "" && symbol.isWellFormed() && !/^<0x[0-9A-F]{2}>$/.test(symbol) &&
    !(specialPieces as readonly string[]).includes(symbol);
}

function whole(field: keyof UnigramConfig, low: number, high: number): FieldRule {
  return [
    field,
    (value) => Number.isInteger(value) && Number(value) >= low && Number(value) <= high,
    `a whole number from ${low} to ${high}`,
  ];
}
