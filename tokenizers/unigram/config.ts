/**
 * What a unigram tokenizer is trained with.
 */
import { didYouMean, UsageError } from "../../pipeline/base/mod.ts";

export interface UnigramConfig {
  /** Rows of the vocabulary: 7 special pieces, 256 byte pieces and what is learned. Met exactly. */
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
  /** Documents are read in order until their UTF-8 bytes reach this many; the last one is read whole. */
  readonly maxTextBytes: number;
}

/** The one home of these numbers. */
export const unigramDefaults: UnigramConfig = {
  vocabSize: 8192,
  characterCoverage: 0.9995,
  maxPieceLength: 16,
  seedSize: 1_000_000,
  shrinkingFactor: 0.75,
  subIterations: 1,
  splitByScript: true,
  splitByNumber: true,
  maxTextBytes: 67_108_864, // 64 MiB
};

/** Id of the first learned piece: 7 special and 256 byte pieces come before it. */
export const firstLearnedId = 263;

/** Words are cut after this many characters while training, so that a lattice stays small: encoding knows no such limit. */
export const maxSegmentLength = 64;

/** @throws RangeError that names the field, what it may be and what it is. */
export function checkUnigramConfig(config: UnigramConfig): void {
  for (const [field, isRight, expected] of fieldRules()) {
    if (isRight(config[field])) continue;
    throw new RangeError(
      `Cannot train a unigram tokenizer: expected ${field} to be ${expected}, found ${
        config[field]
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
  const config: Record<string, unknown> = { ...unigramDefaults, ...overrides };
  const rules = fieldRules();
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
  return config as unknown as UnigramConfig;
}

type FieldRule = readonly [
  field: keyof UnigramConfig,
  isRight: (value: unknown) => boolean,
  expected: string,
];

function fieldRules(): readonly FieldRule[] {
  return [
    whole("vocabSize", firstLearnedId, 2 ** 20),
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
    ["splitByScript", (value) => typeof value === "boolean", "true or false"],
    ["splitByNumber", (value) => typeof value === "boolean", "true or false"],
    whole("maxTextBytes", 1, Number.MAX_SAFE_INTEGER),
  ];
}

function whole(field: keyof UnigramConfig, low: number, high: number): FieldRule {
  return [
    field,
    (value) => Number.isInteger(value) && Number(value) >= low && Number(value) <= high,
    `a whole number from ${low} to ${high}`,
  ];
}
