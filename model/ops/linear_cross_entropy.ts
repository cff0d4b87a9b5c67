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
import { float32 } from "../shapes.ts";
import { crossEntropyGradient } from "./cross_entropy.ts";
import { gemm } from "./gemm.ts";
import { expectFloat, expectIds, expectInputs, expectShape } from "./rules.ts";
import { logSumExp, type Tensor } from "./tensor.ts";

export const linearCrossEntropy: Operator = {
  name: "LinearCrossEntropy",
  domain: "dept",
  evaluate: ([hidden, table, targets]) => {
    const logits = logitsOf(hidden, table);
    const logs = logSumExp(logits);
    const classes = table.shape[0];
    const nll = logs.map((log, n) => log - logits.data[n * classes + targets.data[n]]);
    return [nll, logs];
  },
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
};

export const linearCrossEntropyGradient: Operator = {
  name: "LinearCrossEntropyGradient",
  domain: "dept",
  evaluate: (
    [hidden, table, targets, logs, dNll],
    [dHidden, dTable],
  ) => {
    const probabilities = logitsOf(hidden, table);
    const classes = table.shape[0];
    for (let at = 0; at < probabilities.data.length; at++) {
      probabilities.data[at] = Math.exp(
        probabilities.data[at] - logs.data[Math.floor(at / classes)],
      );
    }
    const [data] = crossEntropyGradient.evaluate([probabilities, targets, dNll], [], {});
    const dLogits = { shape: probabilities.shape, data };
    return [
      ...gemm.evaluate([dLogits, table], [dHidden], {}),
      ...gemm.evaluate([dLogits, hidden], [dTable], { transA: 1 }),
    ];
  },
  infer(inputs) {
    expectInputs(inputs, 5);
    const { shape } = rowsOf(inputs);
    for (const [at, name] of [[3, "logSumExp"], [4, "the gradient of nll"]] as const) {
      expectFloat(inputs[at], name, 1);
      expectShape(inputs[at], name, shape);
    }
    return [inputs[0], inputs[1]];
  },
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

function logitsOf(hidden: Tensor, table: Tensor): Tensor {
  const shape = [hidden.shape[0], table.shape[0]];
  const [data] = gemm.evaluate([hidden, table], [float32(shape)], { transB: 1 });
  return { shape, data };
}
