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
import { binary, unary } from "./elementwise.ts";
import { erf } from "./erf.ts";
import { expectFloat, expectInputs, expectShape, inferUnary } from "./rules.ts";

export const gelu: Operator = {
  name: "Gelu",
  domain: "com.microsoft",
  evaluate: (inputs) => unary(inputs, (x) => x * normalArea(x)),
  infer: inferUnary,
  gradient: ({ inputs: [x] }, [dY], writer) => [writer.apply(geluGradient, [dY!, x])],
};

export const geluGradient: Operator = {
  name: "GeluGradient",
  domain: "dept",
  evaluate: (inputs, [dX]) =>
    binary(inputs, dX, (dY, x) => {
      const density = Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
      return dY * (normalArea(x) + x * density);
    }),
  infer(inputs) {
    expectInputs(inputs, 2);
    expectFloat(inputs[0], "the output's gradient");
    expectFloat(inputs[1], "the input");
    expectShape(inputs[0], "the output's gradient", inputs[1].shape);
    return [inputs[1]];
  },
};

/** Φ(x), the area under the standard normal density left of x. */
function normalArea(x: number): number {
  return (1 + erf(x * Math.SQRT1_2)) / 2;
}
