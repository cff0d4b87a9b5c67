/**
 * Gemm (ONNX): Y = alpha·op(A)·op(B) + C, where op transposes when `transA`, `transB` say so.
 *
 * A and B are matrices; C is optional and broadcasts to [M, N] (`beta` is always 1). A linear layer with weight [out, in]
 * is `Gemm(x, weight, bias, {transB: 1})`.
 */
import type { Attributes, Operator, TensorType } from "../operator.ts";
import { broadcastShapes, float32, formatShape, sameShape, sizeOf } from "../shapes.ts";
import { sumTo } from "./reduce.ts";
import { expectFloat, expectInputs, factorGradients, flagOf } from "./rules.ts";
import * as productsKernels from "./products_kernels.ts";

export const gemm: Operator = {
  name: "Gemm",
  domain: "",
  evaluate: productsKernels.gemm,
  infer(inputs, attributes) {
    expectInputs(inputs, 2, 3);
    const [a, b, c] = inputs;
    expectFloat(a, "A", 2);
    expectFloat(b, "B", 2);
    const { m, k, n, inner } = extents(a, b, attributes);
    if (k !== inner) {
      throw new RangeError(
        `expected op(A) with as many columns as op(B) has rows, found ${k} and ${inner}`,
      );
    }
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
  flops([a, b, c], [y], attributes) {
    const { m, k, n } = extents(a, b, attributes);
    return 2 * m * k * n + (c === undefined ? 0 : sizeOf(y.shape));
  },
};

function extents(a: TensorType, b: TensorType, attributes: Attributes) {
  const [m, k] = flagOf(attributes, "transA") ? [a.shape[1], a.shape[0]] : a.shape;
  const [inner, n] = flagOf(attributes, "transB") ? [b.shape[1], b.shape[0]] : b.shape;
  return { m, k, inner, n };
}
