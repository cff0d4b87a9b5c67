/**
 * LayerNormalization (ONNX 17): over the last axis, with what its gradient needs as further outputs.
 *
 * (X [..., C] of rank 2 or more, Scale [C], B [C] or absent), attribute epsilon (default 1e-5) →
 *   Y          [..., C]   (X − Mean)·InvStdDev·Scale + B
 *   Mean       [..., 1]
 *   InvStdDev  [..., 1]   1 / √(variance + epsilon), the variance without Bessel's correction
 *
 * Source: Ba, Kiros and Hinton 2016, "Layer normalization".
 */
import type { Operator } from "../operator.ts";
import { float32, formatShape } from "../shapes.ts";
import { axisOf, expectFloat, expectInputs, expectShape, integerOf, numberOf } from "./rules.ts";
import { mul, scaled, sub } from "./elementwise.ts";
import { reshape } from "./reshape.ts";
import { matMul } from "./matmul.ts";
import { reduceSum } from "./reduce.ts";
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
    const { shape } = writer.type(x);
    const width = shape[shape.length - 1];
    const rows = shape.slice(0, -1).map((_, axis) => axis);
    const normalised = writer.apply(mul, [writer.apply(sub, [x, mean]), inverse]); // (..., C)
    const weighted = writer.apply(mul, [dY!, normalised]); // (..., C)

    const towardsX = () => {
      // Row means as products with scale / C: they read a tensor once and make no temporary of its size.
      const column = writer.apply(reshape, [scaled(writer, scale, 1 / width)], {
        shape: [width, 1],
      });
      const meanOfGradient = writer.apply(matMul, [dY!, column]); // (..., 1)
      const meanOfWeighted = writer.apply(matMul, [weighted, column]); // (..., 1)
      const direct = writer.apply(mul, [dY!, scale]);
      const along = writer.apply(mul, [normalised, meanOfWeighted]);
      const centred = writer.apply(sub, [writer.apply(sub, [direct, along]), meanOfGradient]);
      return writer.apply(mul, [centred, inverse]);
    };
    const overRows = (value: string) =>
      writer.apply(reduceSum, [value], { axes: rows, keepdims: 0 });
    return [
      wanted[0] ? towardsX() : undefined,
      wanted[1] ? overRows(weighted) : undefined,
      wanted[2] ? overRows(dY!) : undefined,
    ];
  },
};
