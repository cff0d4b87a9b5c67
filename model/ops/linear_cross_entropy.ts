/**
 * The head of a language model with its loss: one operator, so that no engine has to hold the logits of all classes.
 *
 * LinearCrossEntropy (dept)           (hidden [N, C], table [V, C], targets int32 [N]) →
 *     nll         [N]   logSumExp[n] − hidden[n]·table[targets[n]], in nats
 *     logSumExp   [N]   log Σ_v exp(hidden[n]·table[v])
 * LinearCrossEntropyGradient (dept)   (hidden, table, targets, logSumExp, dNll [N]) →
 *     dHidden     [N, C]   dLogits·table
 *     dTable      [V, C]   dLogitsᵀ·hidden, where
 *     dLogits     [N, V] = dNll[n]·(exp(logits[n, v] − logSumExp[n]) − [v = targets[n]])
 *
 * Logits, probabilities and their gradient are the largest tensors of a model with many classes: an engine works through
 * the classes piece by piece, and may keep results of the forward pass for the gradient. A target is in [0, V).
 */
import type { Operator, TensorType } from "../operator.ts";
import { float32, sizeOf } from "../shapes.ts";
import { expectFloat, expectIds, expectInputs, expectShape } from "./rules.ts";
import * as headKernels from "./head_kernels.ts";

export const linearCrossEntropy: Operator = {
  name: "LinearCrossEntropy",
  domain: "dept",
  evaluate: headKernels.linearCrossEntropy,
  infer(inputs) {
    expectInputs(inputs, 3);
    const rows = rowsOf(inputs);
    return [rows, rows];
  },
  gradient({ inputs, outputs: [, logSumExp] }, [dNll, dLogSumExp], writer, wanted) {
    if (dLogSumExp !== undefined) {
      throw new RangeError("expected a loss that uses nll only, found one that uses logSumExp");
    }
    const [dHidden, dTable] = writer.applyAll(linearCrossEntropyGradient, [
      ...inputs,
      logSumExp,
      dNll!,
    ]);
    return [wanted[0] ? dHidden : undefined, wanted[1] ? dTable : undefined, undefined];
  },
  flops: ([hidden, table]) =>
    2 * sizeOf(hidden.shape) * table.shape[0] + softmaxFlops(hidden, table),
};

export const linearCrossEntropyGradient: Operator = {
  name: "LinearCrossEntropyGradient",
  domain: "dept",
  evaluate: headKernels.linearCrossEntropyGradient,
  infer(inputs) {
    expectInputs(inputs, 5);
    const { shape } = rowsOf(inputs);
    for (const [at, name] of [[3, "logSumExp"], [4, "the gradient of nll"]] as const) {
      expectFloat(inputs[at], name, 1);
      expectShape(inputs[at], name, shape);
    }
    return [inputs[0], inputs[1]];
  },
  flops: ([hidden, table]) =>
    4 * sizeOf(hidden.shape) * table.shape[0] + hidden.shape[0] * table.shape[0],
};

/** The type of one number for each row. @throws RangeError for inputs that do not fit. */
function rowsOf([hidden, table, targets]: readonly TensorType[]): TensorType {
  expectFloat(hidden, "the states", 2);
  expectFloat(table, "the table", 2);
  expectShape(table, "the table", [table.shape[0], hidden.shape[1]]);
  expectIds(targets, "the targets", 1);
  expectShape(targets, "the targets", [hidden.shape[0]]);
  return float32([hidden.shape[0]]);
}

function softmaxFlops(hidden: TensorType, table: TensorType): number {
  return 5 * hidden.shape[0] * table.shape[0];
}
