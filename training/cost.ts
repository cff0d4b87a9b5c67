/**
 * The cost model: what each method keeps in memory and sends, from sizes alone.
 *
 * Source: DEPT Table 1 (formulas), Tables 2 and 9.
 */

export interface CostInputs {
  /** Parameters without any embedding. */
  readonly bodyParameters: number;
  /** d. */
  readonly dModel: number;
  readonly globalVocabSize: number;
  /** |V_k| of each source; null when nobody has counted: TRIM and SPEC are then left out. */
  readonly localVocabSizes: readonly number[] | null;
  /** Pieces of each source's own tokenizer; null leaves SPEC-OPT out. */
  readonly ownVocabSizes: readonly number[] | null;
  /** N_local. */
  readonly localSteps: number;
  /** T. */
  readonly rounds: number;
  /** Rows of the position embedding ψ: the context length when learned, 0 with ALiBi. */
  readonly positions: number;
}

export type CostMethod = "std" | "glob" | "trim" | "spec" | "spec-opt";

export interface CostRow {
  readonly method: CostMethod;
  /** Steps between synchronisations of weights; STD's one "round" is the whole run. */
  readonly localSteps: number;
  readonly rounds: number;
  /** Mean of |V_k| over the sources. */
  readonly vocabSize: number;
  /** Sample standard deviation (n − 1), null where there is one vocabulary for all. */
  readonly vocabSizeDeviation: number | null;
  /** |V_k|·d. */
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

/** A row per method, in the order of the paper's Table 9. @throws RangeError for sizes that are not positive. */
export function costRows(inputs: CostInputs): readonly CostRow[] {
  checkInputs(inputs);
  const { globalVocabSize, localVocabSizes, ownVocabSizes } = inputs;
  return [
    costRow(inputs, "std", [globalVocabSize]),
    costRow(inputs, "glob", [globalVocabSize]),
    ...(localVocabSizes === null ? [] : [
      costRow(inputs, "trim", localVocabSizes),
      costRow(inputs, "spec", localVocabSizes),
    ]),
    ...(ownVocabSizes === null ? [] : [costRow(inputs, "spec-opt", ownVocabSizes)]),
  ];
}

/** M of the whole model. */
export function modelParameters(inputs: CostInputs): number {
  return inputs.bodyParameters + (inputs.positions + inputs.globalVocabSize) * inputs.dModel;
}

function costRow(inputs: CostInputs, method: CostMethod, vocabSizes: readonly number[]): CostRow {
  const { bodyParameters, dModel, localSteps, rounds, positions } = inputs;
  const vocabSize = mean(vocabSizes);
  const embeddingParameters = vocabSize * dModel;
  const parameters = bodyParameters + (positions + vocabSize) * dModel;
  const isBaseline = method === "std";
  // SPEC sends the body alone, the rest all that they hold.
  const sent = method === "spec" || method === "spec-opt" ? bodyParameters : parameters;
  const communication = isBaseline ? sent : sent / localSteps;
  const whole = modelParameters(inputs);
  return {
    method,
    localSteps: isBaseline ? localSteps * rounds : localSteps,
    rounds: isBaseline ? 1 : rounds,
    vocabSize,
    vocabSizeDeviation: method === "std" || method === "glob" ? null : sampleDeviation(vocabSizes),
    embeddingParameters,
    parameters,
    parametersRatio: parameters / whole,
    communication,
    communicationRatio: communication / whole,
  };
}

/**
 * The body behind a nominal size, as the paper counts it: what is left without the table of `vocabSize` rows.
 * Source: DEPT Table 2, whose cells all follow from it.
 */
export function nominalBody(nominalParameters: number, vocabSize: number, dModel: number): number {
  return nominalParameters - vocabSize * dModel;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Sample standard deviation, ddof = 1; 0 for a single value. */
export function sampleDeviation(values: readonly number[]): number {
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
