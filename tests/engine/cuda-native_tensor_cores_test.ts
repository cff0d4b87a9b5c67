/**
 * Kernels of the engine `cuda-native` that use tensor cores: products in TF32 and bf16, attention in bf16.
 */
import assert from "node:assert/strict";
import { type Card, openCard, withPrecision } from "../../engine/cuda/card.ts";
import { CudaProgram } from "../../engine/cuda/program.ts";
import type { Feeds } from "../../engine/mod.ts";
import { engine as reference } from "../../engine/reference/mod.ts";
import {
  type Attributes,
  differentiate,
  type Graph,
  languageModelGraph,
  type OperatorName,
  type Shape,
} from "../../model/mod.ts";
import { type OperatorCase, operatorCases } from "../conformance/operator_cases.ts";
import { cardTest, shimTest, withVariable } from "../support/cuda_shim.ts";
import { operatorFeeds, operatorGraph } from "../support/operator_graphs.ts";
import { adamW, config, initialValues, options, steps } from "../support/small_network.ts";
import { assertTensorsClose } from "../support/tensors.ts";

const precisions = ["tf32", "bf16"] as const;

async function outputsOf(graph: Graph, feeds: Feeds, card: Card) {
  const program = new CudaProgram(card, graph);
  const outputs = await program.run(feeds);
  await program.dispose();
  return outputs;
}

/** Sizes that fill no block of 64 × 64 outputs and no strip of the inner axis, and more than one, turned in all ways. */
const products: readonly OperatorCase[] = [0, 1, 2, 3].map((turned) => {
  const [transA, transB] = [turned % 2, turned >> 1];
  const shapes: Shape[] = [transA ? [2, 37, 70] : [2, 70, 37], transB ? [67, 37] : [37, 67]];
  const attributes: Attributes = { transA, transB, alpha: 0.5 };
  return { inputs: shapes, attributes };
});

for (const precision of precisions) {
  shimTest(
    `${precision}: our products have the bytes of a library that adds in order`,
    async () => {
      const [own, library] = (["own", "cublaslt"] as const).map((products) =>
        withPrecision(openCard(), precision, products)
      );
      const cases: [OperatorName, readonly OperatorCase[]][] = [
        ["FusedMatMul", [...operatorCases.FusedMatMul, ...products]],
        ["Gemm", operatorCases.Gemm],
        ["MatMul", operatorCases.MatMul],
      ];
      for (const [op, list] of cases) {
        for (const [i, one] of list.entries()) {
          const [graph, feeds] = [operatorGraph(op, one), operatorFeeds(op, i, one)];
          const expected = await outputsOf(graph, feeds, library);
          assert.deepEqual(await outputsOf(graph, feeds, own), expected, `${op} case ${i}`);
          const backwards = await withVariable(
            "SHIM_ORDER",
            "reverse",
            () => outputsOf(graph, feeds, own),
          );
          assert.deepEqual(backwards, expected, `${op} case ${i} in the other order`);
        }
      }
    },
  );

  shimTest(`${precision}: training without the library has the bytes of one with it`, async () => {
    const graph = differentiate(languageModelGraph(config, 2));
    const train = async (card: Card) => {
      const program = new CudaProgram(card, graph, adamW);
      await program.write(initialValues(config));
      await steps(program, 0, 2);
      const values = await program.read();
      await program.dispose();
      return values;
    };
    const expected = await train(withPrecision(openCard(), precision));
    const own = await withVariable(
      "DEPT_CUBLASLT",
      "libnone-such.so",
      () => train(withPrecision(openCard(), precision, "own")),
    );
    assert.deepEqual(own, expected);
  });
}

/** (queries, keys, values) of heads, a bias for each key, and what follows. */
function attended(shape: Shape, keys: number, ...others: Shape[]): Shape[] {
  const ofKeys = [...shape.slice(0, -2), keys, shape.at(-1)!];
  return [shape, ofKeys, ofKeys, [shape[0], 1, keys], ...others];
}

/** More than one block of 64 queries or keys, and none full; heads of both kinds of kernel, some with a rest of 16 numbers. */
const heads: readonly OperatorCase[] = [
  { inputs: attended([2, 70, 20], 70), attributes: { causal: 1, alpha: 0.25 } },
  { inputs: attended([1, 70, 72], 37), attributes: { alpha: 0.125 } },
  {
    inputs: attended([1, 70, 72], 70, [1, 70, 70]),
    attributes: { causal: 1, alpha: 0.125 },
  },
];
const headGradients: readonly OperatorCase[] = heads.map(({ inputs, attributes }) => {
  const [queries, keys, values, bias, ...mask] = inputs;
  const logs = queries.slice(0, -1);
  return {
    inputs: [queries, keys, values, bias, queries, logs, queries, ...mask],
    attributes,
    scale: 0.25, // any logSumExp is taken: weights stay near 1
  };
});

cardTest("bf16: attention and its gradient agree with reference", async () => {
  const card = withPrecision(openCard(), "bf16", "own");
  const cases = {
    Attention: [...operatorCases.Attention, ...heads],
    AttentionGradient: [...operatorCases.AttentionGradient, ...headGradients],
  };
  for (const [op, list] of Object.entries(cases) as [keyof typeof cases, OperatorCase[]][]) {
    for (const [i, one] of list.entries()) {
      if (one.inputs[0][1] > 200) continue; // many blocks are a matter of time on a processor
      const [graph, feeds] = [operatorGraph(op, one), operatorFeeds(op, i, one)];
      const program = await reference.compile(graph, options);
      const expected = await program.run(feeds);
      await program.dispose();
      const found = await outputsOf(graph, feeds, card);
      for (const [output, value] of Object.entries(expected)) {
        // Factors are off by 2⁻⁹ of themselves, scores of some units by as much of these units, and so are their exponentials.
        const tolerance = { relative: 2 ** -6 };
        assertTensorsClose(
          `${op} case ${i} ${output}`,
          found[output],
          value,
          [value.length],
          tolerance,
        );
      }
    }
  }
});

shimTest(
  "bf16: attention gives the same bytes when threads, warps and blocks run backwards",
  async () => {
    const card = withPrecision(openCard(), "bf16", "own");
    for (
      const [op, [one]] of [["Attention", heads], ["AttentionGradient", headGradients]] as const
    ) {
      const [graph, feeds] = [operatorGraph(op, one), operatorFeeds(op, 0, one)];
      const expected = await outputsOf(graph, feeds, card);
      const found = await withVariable(
        "SHIM_ORDER",
        "reverse",
        () => outputsOf(graph, feeds, card),
      );
      assert.deepEqual(found, expected, op);
    }
  },
);
