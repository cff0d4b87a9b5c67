/**
 * The exact Gaussian error linear unit and its gradient.
 *
 * Gelu (com.microsoft)    X → Y = X·Φ(X), Φ(x) = (1 + erf(x/√2)) / 2
 * GeluGradient (dept)     (dY, X) → dX = dY·(Φ(X) + X·φ(X)), φ(x) = exp(−x²/2) / √(2π); all of one shape
 *
 * The gradient is one operator because spelled out it is ten passes over the widest tensor of a block: how to spend
 * fewer is each engine's business.
 *
 * Source: Hendrycks and Gimpel 2016, "Gaussian error linear units", without the tanh approximation.
 */
import type { Operator } from "../operator.ts";
import { sizeOf } from "../shapes.ts";
import { expectFloat, expectInputs, expectShape, inferUnary } from "./rules.ts";
import * as elementwiseKernels from "./elementwise_kernels.ts";

export const gelu: Operator = {
  name: "Gelu",
  domain: "com.microsoft",
  evaluate: elementwiseKernels.gelu,
  infer: inferUnary,
  flops: (_inputs, [y]) => 5 * sizeOf(y.shape),
  gradient: ({ inputs: [x] }, [dY], writer) => [writer.apply(geluGradient, [dY!, x])],
};

export const geluGradient: Operator = {
  name: "GeluGradient",
  domain: "dept",
  evaluate: elementwiseKernels.geluGradient,
  infer(inputs) {
    expectInputs(inputs, 2);
    expectFloat(inputs[0], "the output's gradient");
    expectFloat(inputs[1], "the input");
    expectShape(inputs[0], "the output's gradient", inputs[1].shape);
    return [inputs[1]];
  },
  flops: (_inputs, [dX]) => 10 * sizeOf(dX.shape),
};
