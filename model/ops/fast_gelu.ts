/**
 * The Gaussian error linear unit by a tanh, and its gradient: `gelu_new` of GPT-2.
 *
 * FastGelu (com.microsoft)   X → Y = X·(1 + tanh(u)) / 2, u = √(2/π)·(X + 0.044715·X³)
 * FastGeluGradient (dept)    (dY, X) → dX = dY·((1 + t) / 2 + X·(1 − t²)·u′ / 2), t = tanh(u),
 *                            u′ = √(2/π)·(1 + 3·0.044715·X²); all of one shape
 *
 * Source: Hendrycks and Gimpel 2016, "Gaussian error linear units", §2, the first approximation.
 */
import type { Operator } from "../operator.ts";
import { binary, unary } from "./elementwise.ts";
import { geluGradient } from "./gelu.ts";
import { inferUnary } from "./rules.ts";

/** √(2/π), and the factor of the cube. */
export const fastGeluScale = Math.sqrt(2 / Math.PI);
export const fastGeluCube = 0.044715;

export const fastGelu: Operator = {
  name: "FastGelu",
  domain: "com.microsoft",
  evaluate: (inputs) => unary(inputs, (x) => x * (1 + tanhOf(x)) / 2),
  infer: inferUnary,
  gradient: ({ inputs: [x] }, [dY], writer) => [writer.apply(fastGeluGradient, [dY!, x])],
};

export const fastGeluGradient: Operator = {
  name: "FastGeluGradient",
  domain: "dept",
  evaluate: (inputs, [dX]) =>
    binary(inputs, dX, (dY, x) => {
      const t = tanhOf(x);
      const slope = fastGeluScale * (1 + 3 * fastGeluCube * x * x);
      return dY * (1 + t + x * (1 - t * t) * slope) / 2;
    }),
  infer: geluGradient.infer,
};

function tanhOf(x: number): number {
  return Math.tanh(fastGeluScale * (x + fastGeluCube * x * x * x));
}
