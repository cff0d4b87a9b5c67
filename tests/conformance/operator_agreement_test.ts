/**
 * Every operator on every engine gives what the reference engine gives.
 */
import assert from "node:assert/strict";
import type { Engine, Feeds } from "../../engine/mod.ts";
import { type Graph, type OperatorName, operators } from "../../model/mod.ts";
import { keeper, nearAll, options, others, reference, unit } from "./engines.ts";
import { operatorFeeds, operatorGraph } from "../support/operator_graphs.ts";
import { type OperatorCase, operatorCases } from "./operator_cases.ts";

Deno.test("operatorCases has every operator", () => {
  assert.deepEqual(Object.keys(operatorCases).sort(), Object.keys(operators).sort());
});

const expectedOf = keeper<Record<string, Float32Array>>();

for (const [name, engine] of others) {
  for (const [op, cases] of Object.entries(operatorCases) as [OperatorName, OperatorCase[]][]) {
    Deno.test(`${name}: ${op} agrees with reference`, async () => {
      for (const [i, one] of cases.entries()) {
        const graph = operatorGraph(op, one);
        const feeds = operatorFeeds(op, i, one);
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
