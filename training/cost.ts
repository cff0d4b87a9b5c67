/**
 * The cost model: what each method of the table of variants keeps in memory and sends, from sizes alone.
 *
 * Source: DEPT Table 1 (formulas), Tables 2 and 9.
 */
import type { Variant } from "./variant.ts";
import { costMethods } from "./variants.ts";

export interface CostInputs {
  /** Parameters without any embedding. */
  readonly bodyParameters: number;
  /** d. */
  readonly dModel: number;
  readonly globalVocabSize: number;
  /** |V_k| of each source; null when nobody has counted: methods that cut the vocabulary are then left out. */
  readonly localVocabSizes: readonly number[] | null;
  /** Pieces of each source's own tokenizer; null leaves out the methods that need them. */
  readonly ownVocabSizes: readonly number[] | null;
  /** N_local. */
  readonly localSteps: number;
  /** T. */
  readonly rounds: number;
  /** Rows of the position embedding ψ: the context length when learned, else 0. */
  readonly positions: number;
  /** Tables with a row for each piece: 1, as in the paper, or 2 where the head is not tied. */
  readonly tables?: 1 | 2;
}

export interface CostRow {
  /** A `costMethod` of the table of variants. */
  readonly method: string;
  /** Steps between synchronisations of weights; STD's one "round" is the whole run. */
  readonly localSteps: number;
  readonly rounds: number;
  /** Mean of |V_k| over the sources. */
  readonly vocabSize: number;
  /** Sample standard deviation (n − 1), null where there is one vocabulary for all. */
  readonly vocabSizeDeviation: number | null;
  /** |V_k|·d, of each table. */
  readonly embeddingParameters: number;
  /** M_k: body, positions, and a table of |V_k| rows. */
  readonly parameters: number;
  /** M_k / M. */
  readonly parametersRatio: number;
  /** Parameters sent by a worker per sequential step. */
  readonly communication: number;
  /** Of STD's. */
  readonly communicationRatio: number;
}

/** A row per method that has sizes, in the order of the paper's Table 9. @throws RangeError for sizes that are not positive. */
export function costRows(inputs: CostInputs): readonly CostRow[] {
  checkInputs(inputs);
  return [...costMethods()].flatMap(([method, { training }]) =>
    costRow(inputs, method, training) ?? []
  );
}

function costRow(
  inputs: CostInputs,
  method: string,
  { vocabulary, cutsVocabulary, sharesEmbeddings, mixture }: Variant,
): CostRow | undefined {
  const { bodyParameters, dModel, globalVocabSize, localSteps, rounds, positions, tables = 1 } =
    inputs;
  const ownSizes = vocabulary === "own" ? inputs.ownVocabSizes : inputs.localVocabSizes;
  const hasWholeVocabulary = vocabulary === "global" && !cutsVocabulary;
  const vocabSizes = hasWholeVocabulary ? [globalVocabSize] : ownSizes;
  if (vocabSizes === null) return undefined;
  const vocabSize = mean(vocabSizes);
  const embeddingParameters = tables * vocabSize * dModel;
  const parameters = bodyParameters + positions * dModel + embeddingParameters;
  const sent = sharesEmbeddings ? parameters : bodyParameters;
  const communication = mixture ? sent : sent / localSteps; // a mixture's gradients are sent at every step
  const whole = bodyParameters + (positions + tables * globalVocabSize) * dModel;
  return {
    method,
    localSteps: mixture ? localSteps * rounds : localSteps,
    rounds: mixture ? 1 : rounds,
    vocabSize,
    vocabSizeDeviation: hasWholeVocabulary ? null : sampleDeviation(vocabSizes),
    embeddingParameters,
    parameters,
    parametersRatio: parameters / whole,
    communication,
    communicationRatio: communication / whole,
  };
}

/**
 * The body of a model of nominal size, as the paper counts it: the size without the table of `vocabSize` rows.
 * Source: DEPT Table 2, whose cells all follow from it.
 */
export function nominalBody(nominalParameters: number, vocabSize: number, dModel: number): number {
  return nominalParameters - vocabSize * dModel;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Sample standard deviation, ddof = 1; 0 for a single value. */
function sampleDeviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

function checkInputs(inputs: CostInputs): void {
  const positive = {
    bodyParameters: inputs.bodyParameters,
    dModel: inputs.dModel,
    globalVocabSize: inputs.globalVocabSize,
    localSteps: inputs.localSteps,
    rounds: inputs.rounds,
    ...Object.fromEntries(
      (inputs.localVocabSizes ?? []).map((v, k) => [`localVocabSizes[${k}]`, v]),
    ),
    ...Object.fromEntries((inputs.ownVocabSizes ?? []).map((v, k) => [`ownVocabSizes[${k}]`, v])),
  };
  for (const [name, value] of Object.entries(positive)) {
    if (!(value > 0)) {
      throw new RangeError(`Cannot cost a model: expected ${name} above 0, found ${value}`);
    }
  }
  for (const name of ["localVocabSizes", "ownVocabSizes"] as const) {
    if (inputs[name]?.length === 0) {
      throw new RangeError(
        `Cannot cost a model: expected ${name} of at least one source, found none`,
      );
    }
  }
}
