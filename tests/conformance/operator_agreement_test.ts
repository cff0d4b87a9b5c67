/**
 * Every operator on every engine gives what the reference engine gives.
 */
import assert from "node:assert/strict";
import type { Engine, Feeds } from "../../engine/mod.ts";
import { type Graph, GraphBuilder, type OperatorName, operators, sizeOf } from "../../model/mod.ts";
import { Random, seedOf } from "../../base/mod.ts";
import { keeper, nearAll, options, others, reference, unit } from "./engines.ts";
import { type OperatorCase, operatorCases, typesOf } from "./operator_cases.ts";

Deno.test("operatorCases has every operator", () => {
  assert.deepEqual(Object.keys(operatorCases).sort(), Object.keys(operators).sort());
});

const expectedOf = keeper<Record<string, Float32Array>>();

for (const [name, engine] of others) {
  for (const [op, cases] of Object.entries(operatorCases) as [OperatorName, OperatorCase[]][]) {
    Deno.test(`${name}: ${op} agrees with reference`, async () => {
      for (const [i, one] of cases.entries()) {
        const graph = graphOf(op, one);
        const feeds = feedsOf(op, i, one);
        const expected = await expectedOf(`${op} ${i}`, () => outputsOf(reference, graph, feeds));
        const found = await outputsOf(engine, graph, feeds);
        // Sums here have at most a dozen terms, and functions are good to a unit or two.
        for (const output of Object.keys(graph.outputs)) {
          const shown = (values: Float32Array) =>
            values.map((value) => Math.max(value, one.hides ?? -Infinity));
          nearAll(
            shown(found[output]),
            shown(expected[output]),
            4 * unit,
            `${op} case ${i} ${output}`,
          );
        }
      }
    });
  }
}

async function outputsOf(engine: Engine, graph: Graph, feeds: Feeds) {
  const program = await engine.compile(graph, options);
  const outputs = await program.run(feeds);
  await program.dispose();
  return outputs;
}

function graphOf(op: OperatorName, one: OperatorCase): Graph {
  const builder = new GraphBuilder();
  const inputs = typesOf(one).map((type, i) => builder.input(`input${i}`, type));
  const outputs = builder.within(
    "test",
    () => builder.applyAll(operators[op], inputs, one.attributes),
  );
  return builder.build(Object.fromEntries(outputs.map((value, i) => [`output${i}`, value])));
}

function feedsOf(op: string, index: number, one: OperatorCase): Feeds {
  const random = new Random(seedOf(1, `engine_test/${op}/${index}`));
  const { ids = {}, isPositive = false, scale = 1 } = one;
  return Object.fromEntries(one.inputs.map((shape, i) => {
    if (i in ids) return [`input${i}`, Int32Array.from(ids[i])];
    const draw = () => isPositive ? 0.1 + random.float64() : random.normal();
    return [`input${i}`, Float32Array.from({ length: sizeOf(shape) }, () => scale * draw())];
  }));
}
