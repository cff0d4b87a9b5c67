/**
 * LayerNormalization (ONNX 17): over the last axis, with what its gradient needs as further outputs.
 *
 * (X [..., C] of rank 2 or more, Scale [C], B [C] or absent), attribute epsilon (default 1e-5) →
 *   Y          [..., C]   (X − Mean)·InvStdDev·Scale + B
 *   Mean       [..., 1]
 *   InvStdDev  [..., 1]   1 / √(variance + epsilon), the variance without Bessel's correction
 *
 * LayerNormalizationGradient (dept): (dY, X, Scale, Mean, InvStdDev), with X̂ = (X − Mean)·InvStdDev and means over a row →
 *   dX         [..., C]   (dY·Scale − X̂·mean(dY·X̂·Scale) − mean(dY·Scale))·InvStdDev
 *   dScale     [C]        Σ dY·X̂ over rows
 *   dB         [C]        Σ dY over rows
 *
 * Source: Ba, Kiros and Hinton 2016, "Layer normalization".
 */
import type { Operator } from "../operator.ts";
import { float32, formatShape } from "../shapes.ts";
import { axisOf, expectFloat, expectInputs, expectShape, integerOf, numberOf } from "./rules.ts";
import { matrixOf } from "./tensor.ts";

export const layerNormalization: Operator = {
  name: "LayerNormalization",
  domain: "",
  evaluate: ([x, scale, bias], _outputs, attributes) => {
    const { rows, width } = matrixOf(x);
    const epsilon = numberOf(attributes, "epsilon", 1e-5);
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
  },
  infer(inputs, attributes) {
    expectInputs(inputs, 2, 3);
    const [x, scale, bias] = inputs;
    expectFloat(x, "X");
    if (x.shape.length < 2) {
      throw new RangeError(`expected X of rank 2 or more, found ${formatShape(x.shape)}`);
    }
    const last = x.shape.length - 1;
    if (axisOf(integerOf(attributes, "axis", -1), x.shape.length) !== last) {
      throw new RangeError(`expected the last axis, found ${attributes.axis}`);
    }
    if (numberOf(attributes, "epsilon", 1e-5) <= 0) {
      throw new RangeError(`expected epsilon above 0, found ${attributes.epsilon}`);
    }
    expectShape(scale, "Scale", [x.shape[last]]);
    if (bias !== undefined) expectShape(bias, "B", [x.shape[last]]);
    const perRow = float32([...x.shape.slice(0, -1), 1]);
    return [x, perRow, perRow];
  },
  gradient({ inputs: [x, scale], outputs: [, mean, inverse] }, outputGradients, writer, wanted) {
    const [dY, dMean, dInverse] = outputGradients;
    if (dMean !== undefined || dInverse !== undefined) {
      throw new RangeError(
        "expected a loss that uses Y only, found one that uses Mean or InvStdDev",
      );
    }
    const known = [dY!, x, scale, mean, inverse];
    const gradients = writer.applyAll(layerNormalizationGradient, known);
    return gradients.map((gradient, i) => wanted[i] ? gradient : undefined);
  },
};

export const layerNormalizationGradient: Operator = {
  name: "LayerNormalizationGradient",
  domain: "dept",
  evaluate: ([dY, x, scale, mean, inverse]) => {
    const { rows, width } = matrixOf(x);
    const dX = new Float64Array(x.data.length);
    const [dScale, dBias] = [new Float64Array(width), new Float64Array(width)];
    const normalised = new Float64Array(width);
    const share = Math.fround(1 / width);
    for (let row = 0; row < rows; row++) {
      const start = row * width;
      let [meanOfGradient, meanOfWeighted] = [0, 0];
      for (let c = 0; c < width; c++) {
        normalised[c] = (x.data[start + c] - mean.data[row]) * inverse.data[row];
        const weighted = dY.data[start + c] * normalised[c];
        meanOfGradient += dY.data[start + c] * (scale.data[c] * share);
        meanOfWeighted += weighted * (scale.data[c] * share);
        dScale[c] += weighted;
        dBias[c] += dY.data[start + c];
      }
      for (let c = 0; c < width; c++) {
        const direct = dY.data[start + c] * scale.data[c];
        const along = normalised[c] * meanOfWeighted;
        dX[start + c] = (direct - along - meanOfGradient) * inverse.data[row];
      }
    }
    return [dX, dScale, dBias];
  },
  infer(inputs) {
    expectInputs(inputs, 5);
    const [dY, x, scale, mean, inverse] = inputs;
    expectFloat(x, "X");
    expectFloat(dY, "the output's gradient");
    expectShape(dY, "the output's gradient", x.shape);
    expectShape(scale, "Scale", [x.shape[x.shape.length - 1]]);
    const perRow = [...x.shape.slice(0, -1), 1];
    expectShape(mean, "Mean", perRow);
    expectShape(inverse, "InvStdDev", perRow);
    return [x, scale, scale];
  },
};
