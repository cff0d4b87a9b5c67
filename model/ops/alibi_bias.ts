/**
 * AlibiBias (dept): the biases that attention with linear biases adds to its scores; it has no inputs.
 *
 * () with attributes heads, length → [H, T, T]: slope of the head·(j − i) where position i sees position j ≤ i, else a score
 * that softmax turns into zero. An operator and no constant, because that would be H·T² numbers in every graph and model.
 *
 * Source: Press et al. 2022, "Train short, test long", §3.
 */
import type { Operator } from "../operator.ts";
import { alibiBias as biasesOf } from "../positions.ts";
import { float32 } from "../shapes.ts";
import { expectInputs, integerOf } from "./rules.ts";

export const alibiBias: Operator = {
  name: "AlibiBias",
  domain: "dept",
  evaluate: (_inputs, _outputs, { heads, length }) => [
    Float64Array.from(biasesOf(heads as number, length as number)),
  ],
  infer(inputs, attributes) {
    expectInputs(inputs, 0);
    const length = integerOf(attributes, "length");
    return [float32([integerOf(attributes, "heads"), length, length])];
  },
};
