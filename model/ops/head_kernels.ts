/** Kernels of the head with its loss: its parts one after another. */
import { float32 } from "../shapes.ts";
import { gemm } from "./products_kernels.ts";
import { crossEntropyGradient, logSumExp } from "./rows_kernels.ts";
import type { Kernel, Tensor } from "./tensor.ts";

export const linearCrossEntropy: Kernel = ([hidden, table, targets]) => {
  const logits = logitsOf(hidden, table);
  const logs = logSumExp(logits);
  const classes = table.shape[0];
  const nll = logs.map((log, n) => log - logits.data[n * classes + targets.data[n]]);
  return [nll, logs];
};

export const linearCrossEntropyGradient: Kernel = (
  [hidden, table, targets, logs, dNll],
  [dHidden, dTable],
) => {
  const probabilities = logitsOf(hidden, table);
  const classes = table.shape[0];
  for (let at = 0; at < probabilities.data.length; at++) {
    probabilities.data[at] = Math.exp(probabilities.data[at] - logs.data[Math.floor(at / classes)]);
  }
  const [data] = crossEntropyGradient([probabilities, targets, dNll], [], {});
  const dLogits = { shape: probabilities.shape, data };
  return [
    ...gemm([dLogits, table], [dHidden], {}),
    ...gemm([dLogits, hidden], [dTable], { transA: 1 }),
  ];
};

function logitsOf(hidden: Tensor, table: Tensor): Tensor {
  const shape = [hidden.shape[0], table.shape[0]];
  const [data] = gemm([hidden, table], [float32(shape)], { transB: 1 });
  return { shape, data };
}
