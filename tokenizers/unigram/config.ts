/**
 * The config of a unigram tokenizer's training.
 */
import { didYouMean, UsageError } from "../../base/mod.ts";
import { specialPieces } from "../tokenizer.ts";
import { type NormalizationRule, normalizationRules } from "./normalizer.ts";

/** Id of the first learned piece of a vocabulary without symbols: 7 special and 256 byte pieces come before it. */
export const firstLearnedId = 263;

/** Words are cut after this many characters while training, so that a lattice stays small: encoding knows no such limit. */
export const maxSegmentLength = 64;

/** A field of the config: its default, and the values that it may have. */
interface Field<Value> {
  readonly standard: Value;
  readonly expected: string;
  isRight(value: unknown): boolean;
}

/**
 * The one home of these numbers. They suit text that has to come back exactly, code and its indentation included: nothing is
 * normalised, bytes stand in for rare characters. SentencePiece's own defaults differ in `normalizationRule` (nmt_nfkc),
 * `removeExtraWhitespaces` and `addDummyPrefix` (true), `byteFallback` (false) and `subIterations` (2).
 */
const fieldsOf = (
  { byteFallback, userDefinedSymbols: others }: {
    readonly byteFallback?: unknown;
    readonly userDefinedSymbols?: readonly string[];
  },
) => ({
  /** Rows of the vocabulary: special and byte pieces, symbols and learned pieces. The trained vocabulary has exactly this many. */
  vocabSize: whole(8192, byteFallback === false ? specialPieces.length : firstLearnedId, 2 ** 20),
  /** Share of the text's characters, commonest first, that get a piece of their own; the rest is written in bytes. */
  characterCoverage: field(
    0.9995,
    "a number above 0, at most 1",
    (value) => typeof value === "number" && value > 0 && value <= 1,
  ),
  /** Longest piece, in characters. */
  maxPieceLength: whole(16, 1, maxSegmentLength),
  /** Most candidates that training starts from. */
  seedSize: whole(1_000_000, 1, 2 ** 30),
  /** Share of the candidates that survives a round of pruning. */
  shrinkingFactor: field(
    0.75,
    "a number between 0 and 1",
    (value) => typeof value === "number" && value > 0 && value < 1,
  ),
  /** EM steps before each pruning. */
  subIterations: whole(1, 1, 1000),
  /** No piece mixes scripts, or letters with punctuation. */
  splitByScript: flag(true),
  /** No piece mixes digits with letters. */
  splitByNumber: flag(true),
  /** No piece holds a digit and anything else. */
  splitDigits: flag(false),
  /** No piece goes on after a space; otherwise pieces may hold several words of a line. */
  splitByWhitespace: flag(true),
  /** Characters without a piece are written in 256 byte pieces, not as `<unk>`. */
  byteFallback: flag(true),
  /** Texts that are cut out first, however rare: each is one token everywhere. */
  userDefinedSymbols: symbols(),
  /** Pieces that no text gives: reserved ids for the caller's own use. */
  controlSymbols: symbols(", or in userDefinedSymbols", others),
  /** Normalisation of text, before anything else: see `normalizer.ts`. */
  normalizationRule: field<NormalizationRule>(
    "identity",
    `one of ${normalizationRules.join(", ")}`,
    (value) => normalizationRules.includes(value as NormalizationRule),
  ),
  /** Runs of spaces become one, those at both ends go. Off, indentation survives. */
  removeExtraWhitespaces: flag(false),
  /** A text gets a leading space, so that its first word has the same piece as inside a text. */
  addDummyPrefix: flag(false),
  /** Most characters of distinct segments that are learned from; of more, the commonest segments are taken. */
  maxSegmentCharacters: whole(12_000_000, 1, 2 ** 28),
  /** Documents are read in order until their UTF-8 bytes reach this many; the last one is read whole. */
  maxTextBytes: whole(64 * 2 ** 20, 1, Number.MAX_SAFE_INTEGER),
});

type Fields = ReturnType<typeof fieldsOf>;

export type UnigramConfig = { readonly [Name in keyof Fields]: Fields[Name]["standard"] };

export const unigramDefaults: UnigramConfig = /* @__PURE__ */ defaults();

function defaults(): UnigramConfig {
  const fields = Object.entries(fieldsOf({})).map(([name, { standard }]) => [name, standard]);
  return Object.fromEntries(fields);
}

/** Rows of a vocabulary that are not learned. */
export function reservedRows(config: UnigramConfig): number {
  return specialPieces.length + (config.byteFallback ? 256 : 0) + config.userDefinedSymbols.length +
    config.controlSymbols.length;
}

/** @throws RangeError that names the field, the values it may have and its value. */
export function checkUnigramConfig(config: UnigramConfig): void {
  const fault = faultOf(config);
  if (fault === undefined) return;
  throw new RangeError(
    `Cannot train a unigram tokenizer: expected ${fault.name} to be ${fault.expected}, found ${fault.found}`,
  );
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
  const names = Object.keys(unigramDefaults);
  for (const key of Object.keys(overrides)) {
    if (names.includes(key)) continue;
    throw new UsageError(
      `Cannot accept key "${key}" in ${place}: expected one of ${names.join(", ")}${
        didYouMean(key, names)
      }`,
    );
  }
  const config: UnigramConfig = { ...unigramDefaults, ...overrides };
  const fault = faultOf(config);
  if (fault === undefined) return config;
  throw new UsageError(
    `Cannot accept ${place}.${fault.name}: expected ${fault.expected}, found ${fault.found}`,
  );
}

/** The first field whose value does not fit. */
export function faultOf(
  config: UnigramConfig,
): { readonly name: string; readonly expected: string; readonly found: string } | undefined {
  for (const [name, { isRight, expected }] of Object.entries<Field<unknown>>(fieldsOf(config))) {
    const value = config[name as keyof UnigramConfig];
    const found = typeof value === "number" ? String(value) : JSON.stringify(value);
    if (!isRight(value)) return { name, expected, found };
  }
  return undefined;
}

function field<Value>(
  standard: Value,
  expected: string,
  isRight: (value: unknown) => boolean,
): Field<Value> {
  return { standard, expected, isRight };
}

function whole(standard: number, low: number, high: number): Field<number> {
  return field(
    standard,
    `a whole number from ${low} to ${high}`,
    (value) => Number.isInteger(value) && Number(value) >= low && Number(value) <= high,
  );
}

function flag(standard: boolean): Field<boolean> {
  return field(standard, "true or false", (value) => typeof value === "boolean");
}

/** Texts that differ, are not empty, and do not look like a piece that every vocabulary has; none by default. */
function symbols(nor = "", others: readonly string[] = []): Field<readonly string[]> {
  return field(
    [],
    `a list of different texts, none of them empty, special or a byte piece${nor}`,
    (value) =>
      Array.isArray(value) &&
      new Set([...value, ...others]).size === value.length + others.length &&
      value.every((symbol) => typeof symbol === "string" && isFreeText(symbol)),
  );
}

function isFreeText(symbol: string): boolean {
  return symbol !== "" && symbol.isWellFormed() && !/^<0x[0-9A-F]{2}>$/.test(symbol) &&
    !(specialPieces as readonly string[]).includes(symbol);
}
