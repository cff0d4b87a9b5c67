/**
 * Kernels that work row by row along the last axis: norms, softmax, cross-entropy; and sums over any axes.
 */
import { type Shape, sizeOf, stridesOf } from "../shapes.ts";
import { type Kernel, matrixOf, offsetsOf, type Tensor } from "./tensor.ts";

export const layerNormalization: Kernel = ([x, scale, bias], _outputs, attributes) => {
  const { rows, width } = matrixOf(x);
  const epsilon = (attributes.epsilon ?? 1e-5) as number;
  const y = new Float64Array(x.data.length);
  const means = new Float64Array(rows);
  const inverses = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = row * width;
    let sum = 0;
    for (let c = 0; c < width; c++) sum += x.data[start + c];
    const mean = sum / width;
    let squares = 0;
    for (let c = 0; c < width; c++) squares += (x.data[start + c] - mean) ** 2;
    const inverse = 1 / Math.sqrt(squares / width + epsilon);
    for (let c = 0; c < width; c++) {
      const normalised = (x.data[start + c] - mean) * inverse;
      y[start + c] = normalised * scale.data[c] + (bias === undefined ? 0 : bias.data[c]);
    }
    [means[row], inverses[row]] = [mean, inverse];
  }
  return [y, means, inverses];
};

export const softmax: Kernel = ([x]) => {
  const { rows, width } = matrixOf(x);
  const logs = logSumExp(x);
  const y = new Float64Array(x.data.length);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let c = 0; c < width; c++, at++) y[at] = Math.exp(x.data[at] - logs[row]);
  }
  return [y];
};

export const logSoftmax: Kernel = ([x]) => {
  const { rows, width } = matrixOf(x);
  const logs = logSumExp(x);
  const y = new Float64Array(x.data.length);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let c = 0; c < width; c++, at++) y[at] = x.data[at] - logs[row];
  }
  return [y];
};

export const crossEntropy: Kernel = ([logits, targets], outputs, attributes) => {
  const { rows, width } = matrixOf(logits);
  const logs = logSumExp(logits);
  const nll = new Float64Array(rows);
  for (let n = 0; n < rows; n++) nll[n] = logs[n] - logits.data[n * width + targets.data[n]];
  const [probabilities] = softmax([logits], outputs, attributes);
  return [nll, probabilities];
};

export const crossEntropyGradient: Kernel = ([probabilities, targets, dNll]) => {
  const { rows, width } = matrixOf(probabilities);
  const dLogits = new Float64Array(probabilities.data.length);
  for (let n = 0; n < rows; n++) {
    for (let v = 0, at = n * width; v < width; v++, at++) {
      dLogits[at] = dNll.data[n] * (probabilities.data[at] - (v === targets.data[n] ? 1 : 0));
    }
  }
  return [dLogits];
};

export const reduceSum: Kernel = ([x], [y], attributes) => {
  const sums = new Float64Array(sizeOf(y.shape));
  const places = placesInReduced(x.shape, attributes.axes as readonly number[]);
  for (let i = 0; i < places.length; i++) sums[places[i]] += x.data[i];
  return [sums];
};

export const reduceMean: Kernel = (inputs, outputs, attributes) => {
  const [sums] = reduceSum(inputs, outputs, attributes);
  const count = inputs[0].data.length / sums.length;
  return [Float64Array.from(sums, (sum) => sum / count)];
};

/** Where each element of a tensor goes when these axes are summed. */
function placesInReduced(shape: Shape, axes: readonly number[]): Int32Array {
  const isReduced = shape.map((_, axis) =>
    axes.includes(axis) || axes.includes(axis - shape.length)
  );
  const strides = stridesOf(shape.map((length, axis) => isReduced[axis] ? 1 : length));
  return offsetsOf(shape, strides.map((stride, axis) => isReduced[axis] ? 0 : stride));
}

/** log Σ exp of each row [N], relative to the row's largest element. */
export function logSumExp(x: Tensor): Float64Array {
  const { rows, width } = matrixOf(x);
  const logs = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = row * width;
    let largest = -Infinity;
    for (let c = 0; c < width; c++) largest = Math.max(largest, x.data[start + c]);
    let sum = 0;
    for (let c = 0; c < width; c++) sum += Math.exp(x.data[start + c] - largest);
    logs[row] = largest + Math.log(sum);
  }
  return logs;
}
