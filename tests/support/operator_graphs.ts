/**
 * A graph of one operator, and what it is fed, for a case of `tests/conformance/operator_cases.ts`.
 */
import { Random, seedOf } from "../../base/mod.ts";
import type { Feeds } from "../../engine/mod.ts";
import { type Graph, GraphBuilder, type OperatorName, operators, sizeOf } from "../../model/mod.ts";
import { type OperatorCase, typesOf } from "../conformance/operator_cases.ts";

/** Inputs `input0` and so on, outputs `output0` and so on. */
export function operatorGraph(op: OperatorName, one: OperatorCase): Graph {
  const builder = new GraphBuilder();
  const inputs = typesOf(one).map((type, i) => builder.input(`input${i}`, type));
  const outputs = builder.within(
    "test",
    () => builder.applyAll(operators[op], inputs, one.attributes),
  );
  return builder.build(Object.fromEntries(outputs.map((value, i) => [`output${i}`, value])));
}

/** @param index Of the case, among those of its operator. */
export function operatorFeeds(op: string, index: number, one: OperatorCase): Feeds {
  const random = new Random(seedOf(1, `engine_test/${op}/${index}`));
  const { ids = {}, isPositive = false, scale = 1 } = one;
  return Object.fromEntries(one.inputs.map((shape, i) => {
    if (i in ids) return [`input${i}`, Int32Array.from(ids[i])];
    const draw = () => isPositive ? 0.1 + random.float64() : random.normal();
    return [`input${i}`, Float32Array.from({ length: sizeOf(shape) }, () => scale * draw())];
  }));
}
