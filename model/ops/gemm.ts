/**
 * Gemm (ONNX): Y = alpha·op(A)·op(B) + C, where op transposes when `transA`, `transB` say so.
 *
 * A and B are matrices; C is optional and broadcasts to [M, N] (`beta` is always 1). A linear layer with weight [out, in]
 * is `Gemm(x, weight, bias, {transB: 1})`.
 */
import type { Operator } from "../operator.ts";
import { broadcastShapes, float32, formatShape, sameShape } from "../shapes.ts";
import { sumTo } from "./reduce.ts";
import { extentsOf, factorGradients, product } from "./products.ts";
import { expectFloat, expectInputs } from "./rules.ts";
import { offsetsOf, stretchedStrides } from "./tensor.ts";

export const gemm: Operator = {
  name: "Gemm",
  domain: "",
  evaluate: ([a, b, c], outputs, attributes) => {
    const [y] = product([a, b], outputs, attributes);
    if (c !== undefined) {
      const [{ shape }] = outputs;
      const offsets = offsetsOf(shape, stretchedStrides(c.shape, shape));
      for (let i = 0; i < y.length; i++) y[i] += c.data[offsets[i]];
    }
    return [y];
  },
  infer(inputs, attributes) {
    expectInputs(inputs, 2, 3);
    const [a, b, c] = inputs;
    expectFloat(a, "A", 2);
    expectFloat(b, "B", 2);
    const [m, n] = extentsOf(a, b, attributes);
    if (c !== undefined) {
      expectFloat(c, "C");
      if (c.shape.length > 2 || !sameShape(broadcastShapes(c.shape, [m, n]), [m, n])) {
        throw new RangeError(
          `expected C to broadcast to [${m}, ${n}], found ${formatShape(c.shape)}`,
        );
      }
    }
    return [float32([m, n])];
  },
  gradient({ inputs: [a, b, c], attributes }, [dY], writer, wanted) {
    const towards = factorGradients(writer, gemm, [a, b], dY!, attributes);
    return [
      wanted[0] ? towards.a() : undefined,
      wanted[1] ? towards.b() : undefined,
      wanted[2] ? sumTo(writer, dY!, writer.type(c).shape) : undefined,
    ];
  },
};
