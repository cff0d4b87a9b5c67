/**
 * Operators in TensorFlow.js, an entry by operator name. The caller disposes of intermediate tensors (`tf.tidy`).
 */
import type * as tfjs from "@tensorflow/tfjs-core";
import {
  alibiBias,
  type Attributes,
  fastGeluCube,
  fastGeluScale,
  type TensorType,
} from "../../model/mod.ts";

export type Tf = typeof tfjs;
export type Tensor = tfjs.Tensor;

/** Outputs of one operator from its inputs; an optional input that is absent is undefined. */
export type Kernel = (
  tf: Tf,
  inputs: readonly Tensor[],
  outputs: readonly TensorType[],
  attributes: Attributes,
) => readonly Tensor[];

export const kernels: Readonly<Record<string, Kernel>> = {
  Add: (tf, [a, b]) => [tf.add(a, b)],
  AlibiBias: (tf, _inputs, [{ shape }], { heads, length }) => [
    tf.tensor(Float32Array.from(alibiBias(heads as number, length as number)), [...shape]),
  ],
  Concat: (tf, inputs, _outputs, { axis }) => [tf.concat([...inputs], (axis ?? 0) as number)],
  CrossEntropy: (tf, [logits, targets]) => {
    const logs = tf.sub(logits, logSumExp(tf, logits));
    return [tf.neg(chosen(tf, logs, targets)), tf.softmax(logits)];
  },
  CrossEntropyGradient: (tf, [probabilities, targets, dNll]) => [
    scoreGradient(tf, probabilities, targets, dNll),
  ],
  DropoutMask: (tf, [rows, columns, limit, scale]) => {
    const products = tf.mul(tf.expandDims(rows, 1), columns); // int32, which wraps around
    return [tf.mul(tf.cast(tf.greaterEqual(products, limit), "float32"), scale)];
  },
  // Adds repeated ids in token order on a processor.
  EmbeddingGradient: (tf, [ids, dY], [{ shape: [rows, width] }]) => [
    tf.scatterND(tf.reshape(ids, [ids.size, 1]), tf.reshape(dY, [ids.size, width]), [rows, width]),
  ],
  Erf: (tf, [x]) => [tf.erf(x)],
  Exp: (tf, [x]) => [tf.exp(x)],
  Expand: (tf, [x], [{ shape }]) => [tf.broadcastTo(x, [...shape])],
  FastGelu: (tf, [x]) => [tf.mul(tf.mul(x, tf.add(fastTanh(tf, x), 1)), 0.5)],
  FastGeluGradient: (tf, [dY, x]) => {
    const t = fastTanh(tf, x);
    const slope = tf.add(tf.mul(tf.square(x), 3 * fastGeluCube * fastGeluScale), fastGeluScale);
    const bell = tf.mul(tf.mul(x, slope), tf.sub(1, tf.square(t)));
    return [tf.mul(tf.mul(dY, tf.add(tf.add(t, 1), bell)), 0.5)];
  },
  FusedMatMul: (tf, [a, b], _outputs, attributes) => [product(tf, a, b, attributes)],
  Gather: (tf, [table, ids]) => [tf.gather(table, ids as tfjs.Tensor1D)],
  Gelu: (tf, [x]) => [tf.mul(x, normalArea(tf, x))],
  GeluGradient: (tf, [dY, x]) => {
    const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return [tf.mul(dY, tf.add(normalArea(tf, x), tf.mul(x, density)))];
  },
  Gemm: (tf, [a, b, c], _outputs, attributes) => {
    const y = product(tf, a, b, attributes);
    return [c === undefined ? y : tf.add(y, c)];
  },
  LayerNormalization: (tf, [x, scale, bias], _outputs, { epsilon }) => {
    const mean = tf.mean(x, -1, true);
    const centred = tf.sub(x, mean);
    const variance = tf.mean(tf.square(centred), -1, true);
    const inverse = tf.div(1, tf.sqrt(tf.add(variance, (epsilon ?? 1e-5) as number)));
    const scaled = tf.mul(tf.mul(centred, inverse), scale);
    return [bias === undefined ? scaled : tf.add(scaled, bias), mean, inverse];
  },
  LinearCrossEntropy: (tf, [hidden, table, targets]) => {
    const logits: Tensor = tf.matMul(hidden, table, false, true); // (N, V)
    const logs = tf.squeeze(logSumExp(tf, logits), [1]);
    return [tf.sub(logs, chosen(tf, logits, targets)), logs];
  },
  LinearCrossEntropyGradient: (tf, [hidden, table, targets, logs, dNll]) => {
    const logits: Tensor = tf.matMul(hidden, table, false, true); // (N, V)
    const probabilities = tf.exp(tf.sub(logits, tf.expandDims(logs, 1)));
    const dLogits = scoreGradient(tf, probabilities, targets, dNll);
    return [tf.matMul(dLogits, table), tf.matMul(dLogits, hidden, true, false)];
  },
  MatMul: (tf, [a, b]) => [product(tf, a, b, {})],
  Mul: (tf, [a, b]) => [tf.mul(a, b)],
  Neg: (tf, [x]) => [tf.neg(x)],
  Pad: (tf, [x], _outputs, { pads }) => {
    const given = pads as readonly number[];
    return [
      tf.pad(x, x.shape.map((_, axis): [number, number] => [given[axis], given[axis + x.rank]])),
    ];
  },
  ReduceLogSumExp: (tf, [x], [{ shape }], { axes }) => [
    tf.reshape(tf.logSumExp(x, [...axes as readonly number[]]), [...shape]),
  ],
  ReduceMean: (tf, [x], [{ shape }], { axes }) => [
    tf.reshape(tf.mean(x, [...axes as readonly number[]]), [...shape]),
  ],
  ReduceSum: (tf, [x], [{ shape }], { axes }) => [
    tf.reshape(tf.sum(x, [...axes as readonly number[]]), [...shape]),
  ],
  Reshape: (tf, [x], [{ shape }]) => [tf.reshape(x, [...shape])],
  Slice: (tf, [x], [{ shape }], { starts, axes }) => {
    const from = x.shape.map(() => 0);
    (axes as readonly number[]).forEach((axis, i) => {
      from[axis < 0 ? axis + x.rank : axis] = (starts as readonly number[])[i];
    });
    return [tf.slice(x, from, [...shape])];
  },
  Softmax: (tf, [x]) => [tf.softmax(x)],
  Split: (tf, [x], _outputs, { split, axis }) =>
    tf.split(x, [...split as readonly number[]], (axis ?? 0) as number),
  Sqrt: (tf, [x]) => [tf.sqrt(x)],
  Sub: (tf, [a, b]) => [tf.sub(a, b)],
  Transpose: (tf, [x], _outputs, { perm }) => [tf.transpose(x, [...perm as readonly number[]])],
};

/** alpha·op(A)·op(B), leading axes broadcast. */
function product(
  tf: Tf,
  a: Tensor,
  b: Tensor,
  { transA = 0, transB = 0, alpha = 1 }: Attributes,
): Tensor {
  const y: Tensor = tf.matMul(a, b, transA === 1, transB === 1);
  return alpha === 1 ? y : tf.mul(y, alpha as number);
}

/** log Σ exp over the last axis, kept as length 1. */
function logSumExp(tf: Tf, x: Tensor): Tensor {
  const largest = tf.max(x, -1, true);
  return tf.add(largest, tf.log(rowSum(tf, tf.exp(tf.sub(x, largest)))));
}

/** Sum over the last axis, kept as length 1. Its kernel adds one after another: piece by piece, few digits are lost. */
function rowSum(tf: Tf, x: Tensor): Tensor {
  const width = x.shape[x.rank - 1];
  const piece = 256;
  if (width <= piece) return tf.sum(x, -1, true);
  const whole = Math.floor(width / piece);
  const sizes = [...Array.from({ length: whole }, () => piece), width % piece].filter((n) => n > 0);
  const sums = tf.split(x, sizes, -1).map((part): Tensor => tf.sum(part, -1, true));
  return tf.sum(tf.concat(sums, -1), -1, true);
}

/** The score of each row's target, [N]. */
function chosen(tf: Tf, scores: Tensor, targets: Tensor): Tensor {
  return tf.gatherND(scores, places(tf, targets));
}

/** (row, target) of each row, int32 [N, 2]. */
function places(tf: Tf, targets: Tensor): Tensor {
  return tf.stack([tf.range(0, targets.size, 1, "int32"), targets], 1);
}

/** dNll[n]·(probabilities[n, v] − [v = targets[n]]), [N, V]. */
function scoreGradient(tf: Tf, probabilities: Tensor, targets: Tensor, dNll: Tensor): Tensor {
  const shape = probabilities.shape as [number, number];
  const hits: Tensor = tf.scatterND(places(tf, targets), tf.onesLike(dNll), shape);
  return tf.mul(tf.sub(probabilities, hits), tf.expandDims(dNll, 1));
}

/** tanh(√(2/π)·(x + 0.044715·x³)). */
function fastTanh(tf: Tf, x: Tensor): Tensor {
  const factor = tf.add(tf.mul(tf.square(x), fastGeluCube * fastGeluScale), fastGeluScale);
  return tf.tanh(tf.mul(x, factor));
}

/** Φ(x). */
function normalArea(tf: Tf, x: Tensor): Tensor {
  return tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
}
