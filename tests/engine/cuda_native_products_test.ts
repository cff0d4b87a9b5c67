/**
 * Products of the engine `cuda-native` by a library with cuBLASLt's calls, which plays it on the processor: layouts, transposes,
 * stacks, beta and biases; and precision `tf32`.
 */
import assert from "node:assert/strict";
import { openCard, withPrecision } from "../../engine/cuda/card.ts";
import { CudaProgram } from "../../engine/cuda/program.ts";
import { headRulesFor } from "../../engine/cuda/ops/head.ts";
import { rules } from "../../engine/cuda/ops/rules.ts";
import type { Feeds } from "../../engine/mod.ts";
import {
  differentiate,
  type Graph,
  languageModelGraph,
  type OperatorName,
  sizeOf,
} from "../../model/mod.ts";
import { operatorCases, typesOf } from "../conformance/operator_cases.ts";
import { shimTest, withVariable } from "../support/cuda_shim.ts";
import { operatorFeeds, operatorGraph } from "../support/operator_graphs.ts";
import {
  adamW,
  config,
  initialValues,
  languageFeeds,
  probe,
  steps,
} from "../support/small_network.ts";
import { assertTensorsClose } from "../support/tensors.ts";

const products = ["Gemm", "MatMul", "FusedMatMul"] as const satisfies readonly OperatorName[];

async function outputsOf(graph: Graph, feeds: Feeds, card = openCard()) {
  const program = new CudaProgram(card, graph);
  const outputs = await program.run(feeds);
  await program.dispose();
  return outputs;
}

shimTest(
  "products by the library are those of our kernels, where factors need few digits",
  async () => {
    const card = withPrecision(openCard(), "tf32");
    for (const op of products) {
      for (const [i, one] of operatorCases[op].entries()) {
        const graph = operatorGraph(op, one);
        // Whole numbers from −8 to 8: every product and sum is exact.
        const feeds = Object.fromEntries(
          typesOf(one).map(({ shape }, n) => [
            `input${n}`,
            Float32Array.from({ length: sizeOf(shape) }, (_, at) => (7 * at + 3 * n) % 17 - 8),
          ]),
        );
        const expected = await outputsOf(graph, feeds);
        assert.deepEqual(await outputsOf(graph, feeds, card), expected, `${op} case ${i}`);
      }
    }
  },
);

shimTest(
  "tf32 rounds the factors of products to 10 bits, and a product without an algorithm is ours",
  async () => {
    const card = withPrecision(openCard(), "tf32");
    const [one] = operatorCases.MatMul;
    const graph = operatorGraph("MatMul", one);
    const feeds = operatorFeeds("MatMul", 0, one);
    const { output0: single } = await outputsOf(graph, feeds);
    const { output0: rounded } = await outputsOf(graph, feeds, card);
    assert.notDeepEqual(rounded, single);
    // Both factors are off by 2⁻¹¹ at most, and a sum of four terms is at most a few times as large as its largest element.
    assertTensorsClose("product", rounded, single, [single.length], { relative: 2 ** -9 });
    await withVariable("SHIM_ALGORITHMS", "0", async () => {
      const without = withPrecision(openCard(), "tf32");
      assert.deepEqual((await outputsOf(graph, feeds, without)).output0, single);
    });
  },
);

shimTest(
  "tf32: gradients agree with fp32, also of a head in pieces, whose parts are added up",
  async () => {
    const graph = differentiate(languageModelGraph(config, 2));
    const momentsOf = async (card: ReturnType<typeof openCard>, most: number) => {
      const program = new CudaProgram(card, graph, probe, { ...rules, ...headRulesFor(most) });
      await program.write(initialValues(config));
      await program.accumulate(languageFeeds(config, 2, 0));
      await program.update({ learningRate: 0, clipNorm: Infinity });
      const { moments } = await program.readOptimizer();
      await program.dispose();
      return moments;
    };
    const expected = await momentsOf(openCard(), 2 ** 26);
    const found = await momentsOf(withPrecision(openCard(), "tf32"), 7 * 50);
    for (const [name, moment] of Object.entries(expected)) {
      // Some products in a row, each rounded; absolutely, as a bias of keys has no gradient but rounding.
      const tolerance = { relative: 2 ** -7, absolute: 2 ** -12 };
      assertTensorsClose(name, found[name], moment, [moment.length], tolerance);
    }
    assert.notDeepEqual(found, expected);
  },
);

shimTest("tf32: 50 AdamW steps agree with fp32, and give the same bytes again", async () => {
  const graph = differentiate(languageModelGraph(config, 2));
  // As in `network_agreement_test.ts`: else a gradient that is zero but for rounding is a step of full length.
  const optimizer = { ...adamW, epsilon: 1e-4 };
  const train = async (card: ReturnType<typeof openCard>) => {
    const program = new CudaProgram(card, graph, optimizer);
    await program.write(initialValues(config));
    const losses = await steps(program, 0, 50);
    const values = await program.read();
    await program.dispose();
    return { losses, values };
  };
  const card = withPrecision(openCard(), "tf32");
  const [expected, found] = [await train(openCard()), await train(card)];
  assert.deepEqual(await train(card), found);
  assert.notDeepEqual(found.losses, expected.losses);
  const unit = 2 ** -11; // a rounded factor is off by at most this share
  assertTensorsClose("losses", found.losses, expected.losses, [50], { relative: unit });
  for (const [name, value] of Object.entries(expected.values)) {
    // 50 steps of at most 0.01, each off by some units of the dozen products in a row that its gradient passes.
    assertTensorsClose(name, found.values[name], value, [value.length], {
      absolute: 50 * 0.01 * 32 * unit,
    });
  }
});

shimTest("tf32 without the library is refused with its names and the way out", async () => {
  await withVariable("DEPT_CUBLASLT", "libnone-such.so", () =>
    assert.throws(
      () => withPrecision(openCard(), "tf32"),
      /^UsageError: Cannot use engine "cuda-native" with precision "tf32": expected Nvidia's library cuBLASLt \(libnone-such\.so; DEPT_CUBLASLT names it\), found none \(or set engine\.precision=fp32\)$/,
    ));
});
