import assert from "node:assert/strict";
import { expandLayerNorms } from "../../engine/layer_norm_gradient.ts";
import { engine as reference } from "../../engine/reference/mod.ts";
import { differentiate, languageModelGraph } from "../../model/mod.ts";
import { config, initialValues, languageFeeds, options, probe } from "../support/small_network.ts";

Deno.test("expandLayerNorms() leaves every byte of a step in float64 as it is", async () => {
  for (const bias of [true, false]) {
    const of = { ...config, bias };
    const graph = differentiate(languageModelGraph(of, 2));
    const expanded = expandLayerNorms(graph);
    const namesOf = ({ nodes }: typeof graph) => nodes.map(({ operator }) => operator.name);
    assert.ok(namesOf(graph).includes("LayerNormalizationGradient"));
    assert.ok(!namesOf(expanded).includes("LayerNormalizationGradient"));
    const [found, expected] = await Promise.all([expanded, graph].map(async (each) => {
      const program = await reference.compileTraining(each, { ...options, optimizer: probe });
      await program.write(initialValues(of));
      const outputs = await program.accumulate(languageFeeds(of, 2, 0));
      await program.update({ learningRate: 0, clipNorm: Infinity });
      const { moments } = await program.readOptimizer();
      await program.dispose();
      return { outputs, moments };
    }));
    assert.deepEqual(found, expected);
  }
});
