/**
 * Fine-tuning: a linear head on the state of the extract token, beside the language-model loss.
 *
 * Source: Radford et al. 2018, "Improving language understanding by generative pre-training", §3.2, §3.3 and, for dropout, §4.1.
 */
import { type ModelConfig, validateConfig } from "./config.ts";
import { declareDropout, type Drop, dropped } from "./dropout.ts";
import { GraphBuilder } from "./graph_builder.ts";
import type { Graph } from "./operator.ts";
import { float32, int32, type Shape } from "./shapes.ts";
import {
  declareParameters,
  hiddenStates,
  idCrossEntropy,
  languageModelLoss,
  weightedSum,
} from "./transformer.ts";
import { add, mul, sub } from "./ops/elementwise.ts";
import { gemm } from "./ops/gemm.ts";
import { reshape } from "./ops/reshape.ts";
import { reduceSum } from "./ops/reduce.ts";

export interface FineTuneOptions {
  /** Examples of a batch, B. */
  readonly batchSize: number;
  /** Positions of a sequence, T; at most `config.seqLen` with learned positions. */
  readonly seqLen: number;
  /** Sequences of an example: 1; the options of a choice; 2, both orders, for similarity. */
  readonly sequences: number;
  readonly kind: "classification" | "entailment" | "choice" | "similarity";
  /** Classes; ignored by `choice` and `similarity`, which score. */
  readonly nClasses: number;
  /** False leaves out the language-model loss, its inputs and output `nll`. Default true. */
  readonly hasLanguageModelLoss?: boolean;
  /** Whether the head adds a bias. Default true. */
  readonly hasHeadBias?: boolean;
  /** Whether the graph has dropout, in the network and before the head. Default false. */
  readonly hasDropout?: boolean;
}

/**
 * The loss of a downstream task. With n = `sequences`:
 *
 * in   tokens        int32 [B·n, T]
 *      targets       int32 [B·n, T]   for the auxiliary loss, as in `languageModelGraph`
 *      weights       [B·n, T]         with the factor of the auxiliary loss in them
 *      select        [B·n, B·n·T]     row r is 1 at the extract token of sequence r, else 0
 *      labels        int32 [B]        class, or right option; for similarity float32 [B], the score
 *      labelWeights  [B]              factor of each example's loss, 0 for padding
 *      and the inputs of `declareDropout` with `hasDropout`
 * out  loss          scalar Σ labelWeights·taskLoss + Σ weights·nll
 *      logits        [B, nClasses]; [B, n] for choice; [B] for similarity, the score
 *      nll           [B·n, T]
 *
 * Task loss: cross-entropy over classes or options; squared error for similarity, where the states of both orders are added
 * before the head.
 *
 * @throws RangeError for options that do not fit each other or the configuration.
 */
export function fineTuneGraph(config: ModelConfig, options: FineTuneOptions): Graph {
  const { batchSize, seqLen, sequences } = validateOptions(options);
  const builder = new GraphBuilder();
  declareParameters(builder, config);
  for (const [name, shape] of Object.entries(headShapes(config, options))) {
    builder.parameter(name, shape);
  }
  const rows = batchSize * sequences;
  const tokens = builder.input("tokens", int32([rows, seqLen]));
  const drop = options.hasDropout ? declareDropout(builder) : undefined;
  const hidden = hiddenStates(builder, config, tokens, drop); // (N, C)
  const select = builder.input("select", float32([rows, rows * seqLen]));
  // A product with one-hot rows picks the states: its gradient is a product too and needs no scatter.
  const states = builder.within("head", () => builder.apply(gemm, [select, hidden])); // (B·n, C)
  const { logits, taskLoss } = taskHead(builder, config, options, states, drop);
  if (options.hasLanguageModelLoss === false) return builder.build({ loss: taskLoss, logits });
  const auxiliary = languageModelLoss(builder, config, hidden, [rows, seqLen]);
  const loss = builder.within("loss", () => builder.apply(add, [taskLoss, auxiliary.loss]));
  return builder.build({ loss, logits, nll: auxiliary.nll });
}

/** What says which parameters a head has. */
export type HeadOptions = Pick<FineTuneOptions, "kind" | "nClasses" | "hasHeadBias">;

/** Shapes of the head's parameters, `head.weight` and `head.bias`: a row per class, or one that scores. */
export function headShapes(
  { dModel }: ModelConfig,
  { kind, nClasses, hasHeadBias = true }: HeadOptions,
): Readonly<Record<string, Shape>> {
  const rows = isScoring(kind) ? 1 : nClasses;
  return { "head.weight": [rows, dModel], ...(hasHeadBias ? { "head.bias": [rows] } : {}) };
}

function isScoring(kind: FineTuneOptions["kind"]): boolean {
  return kind === "choice" || kind === "similarity";
}

function taskHead(
  builder: GraphBuilder,
  config: ModelConfig,
  { kind, batchSize: B, sequences, hasHeadBias = true }: FineTuneOptions,
  states: string,
  drop?: Drop,
): { logits: string; taskLoss: string } {
  const isSimilarity = kind === "similarity";
  const labels = builder.input("labels", isSimilarity ? float32([B]) : int32([B]));
  const labelWeights = builder.input("labelWeights", float32([B]));
  const { dModel: C } = validateConfig(config);
  return builder.within("head", () => {
    const examples = isSimilarity
      ? builder.apply(
        reduceSum,
        [builder.apply(reshape, [states], { shape: [B, sequences, C] })],
        { axes: [1], keepdims: 0 },
      )
      : states;
    const parameters = ["head.weight", ...(hasHeadBias ? ["head.bias"] : [])];
    const inputs = [dropped(examples, drop), ...parameters];
    const scores = builder.apply(gemm, inputs, { transB: 1 });
    const logits = kind === "choice"
      ? builder.apply(reshape, [scores], { shape: [B, sequences] })
      : isSimilarity
      ? builder.apply(reshape, [scores], { shape: [B] })
      : scores;
    const losses = isSimilarity
      ? squaredError(builder, logits, labels)
      : idCrossEntropy(builder, logits, labels);
    return { logits, taskLoss: weightedSum(builder, losses, labelWeights) };
  });
}

function squaredError(builder: GraphBuilder, scores: string, labels: string): string {
  const error = builder.apply(sub, [scores, labels]);
  return builder.apply(mul, [error, error]);
}

function validateOptions(options: FineTuneOptions): FineTuneOptions {
  const { kind, sequences, nClasses } = options;
  for (const field of ["batchSize", "seqLen", "sequences"] as const) {
    if (!Number.isInteger(options[field]) || options[field] < 1) {
      throw new RangeError(
        `Cannot build a fine-tuning graph: expected ${field} to be a whole number of 1 or more, found ${
          options[field]
        }`,
      );
    }
  }
  const wanted = kind === "similarity" ? 2 : kind === "choice" ? undefined : 1;
  if (wanted !== undefined ? sequences !== wanted : sequences < 2) {
    throw new RangeError(
      `Cannot build a fine-tuning graph of kind ${kind}: expected ${
        wanted ?? "2 or more"
      } sequences an example, found ${sequences}`,
    );
  }
  if (!isScoring(kind) && !(Number.isInteger(nClasses) && nClasses >= 2)) {
    throw new RangeError(
      `Cannot build a fine-tuning graph of kind ${kind}: expected nClasses of 2 or more, found ${nClasses}`,
    );
  }
  return options;
}
