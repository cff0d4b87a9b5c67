/**
 * Products of the engine `cuda-native` by a library with cuBLASLt's calls, which plays it on the processor: layouts, transposes,
 * stacks, beta, biases, alignments; and precisions `tf32` and `bf16`.
 */
import assert from "node:assert/strict";
import { type Card, openCard, withPrecision } from "../../engine/cuda/card.ts";
import { Choices } from "../../engine/cuda/choices.ts";
import { engine } from "../../engine/cuda/mod.ts";
import { headRulesFor } from "../../engine/cuda/ops/head.ts";
import { rulesFor } from "../../engine/cuda/ops/rules.ts";
import { planFor } from "../../engine/cuda/plan.ts";
import { CudaProgram } from "../../engine/cuda/program.ts";
import type { Feeds } from "../../engine/mod.ts";
import {
  differentiate,
  float32,
  type Graph,
  GraphBuilder,
  languageModelGraph,
  type OperatorName,
  operators,
  sizeOf,
} from "../../model/mod.ts";
import { operatorCases, typesOf } from "../conformance/operator_cases.ts";
import { cardTest, shimTest, withVariable } from "../support/cuda_shim.ts";
import { temporaryFolder } from "../support/command_line.ts";
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
/** Halves of the spacing above 1: a rounded factor is off by at most this share. */
const precisions = [["tf32", 2 ** -11], ["bf16", 2 ** -8]] as const;

async function outputsOf(graph: Graph, feeds: Feeds, card = openCard()) {
  const program = new CudaProgram(card, graph);
  const outputs = await program.run(feeds);
  await program.dispose();
  return outputs;
}

for (const [precision, unit] of precisions) {
  cardTest(
    `${precision}: products are those of our kernels, where factors need few digits`,
    async () => {
      const card = withPrecision(openCard(), precision);
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
    `${precision}: factors are rounded, and a product without an algorithm is ours`,
    async () => {
      const [one] = operatorCases.MatMul;
      const graph = operatorGraph("MatMul", one);
      const feeds = operatorFeeds("MatMul", 0, one);
      const { output0: single } = await outputsOf(graph, feeds);
      const card = withPrecision(openCard(), precision);
      const { output0: rounded } = await outputsOf(graph, feeds, card);
      assert.notDeepEqual(rounded, single);
      // Both factors are off, and terms of a sum of four may be twice as large as its largest element.
      assertTensorsClose("product", rounded, single, [single.length], { relative: 4 * unit });
      await withVariable("SHIM_ALGORITHMS", "0", async () => {
        const without = withPrecision(openCard(), precision);
        assert.deepEqual((await outputsOf(graph, feeds, without)).output0, rounded);
      });
    },
  );

  cardTest(
    `${precision}: gradients agree with fp32, also of a head in pieces, whose parts are added up`,
    async () => {
      const graph = differentiate(languageModelGraph(config, 2));
      const momentsOf = async (card: Card, most: number) => {
        const rules = { ...rulesFor(card.precision), ...headRulesFor(most) };
        const program = new CudaProgram(card, graph, probe, rules);
        await program.write(initialValues(config));
        await program.accumulate(languageFeeds(config, 2, 0));
        await program.update({ learningRate: 0, clipNorm: Infinity });
        const { moments } = await program.readOptimizer();
        await program.dispose();
        return moments;
      };
      const expected = await momentsOf(openCard(), 2 ** 26);
      // 24 rows by 7: pieces begin at addresses that are multiples of little.
      const found = await momentsOf(withPrecision(openCard(), precision), 7 * 50);
      for (const [name, moment] of Object.entries(expected)) {
        // Some products in a row, each rounded; absolutely, as a bias of keys has no gradient but rounding.
        const tolerance = { relative: 16 * unit, absolute: unit };
        assertTensorsClose(name, found[name], moment, [moment.length], tolerance);
      }
      assert.notDeepEqual(found, expected);
    },
  );

  cardTest(
    `${precision}: 50 AdamW steps agree with fp32, and 10 give the same bytes again`,
    async () => {
      const graph = differentiate(languageModelGraph(config, 2));
      // As in `network_agreement_test.ts`: else a gradient that is zero but for rounding is a step of full length.
      const optimizer = { ...adamW, epsilon: 1e-4 };
      const train = async (card: Card) => {
        const program = new CudaProgram(card, graph, optimizer);
        const begin = async () => {
          await program.write(initialValues(config));
          await program.resetOptimizer();
          return await steps(program, 0, 10);
        };
        const again = await begin();
        const early = await program.read();
        assert.deepEqual(await begin(), again);
        assert.deepEqual(await program.read(), early);
        const losses = Float32Array.of(...again, ...await steps(program, 10, 40));
        const values = await program.read();
        await program.dispose();
        return { losses, values };
      };
      const expected = await train(openCard());
      const found = await train(withPrecision(openCard(), precision));
      assert.notDeepEqual(found.losses, expected.losses);
      assertTensorsClose("losses", found.losses, expected.losses, [50], { relative: unit });
      for (const [name, value] of Object.entries(expected.values)) {
        // 50 steps of at most 0.01, each off by some units of the dozen products in a row that its gradient passes.
        const tolerance = { absolute: 50 * 0.01 * 32 * unit };
        assertTensorsClose(name, found.values[name], value, [value.length], tolerance);
      }
    },
  );

  shimTest(
    `${precision} without the library is refused with its names and the way out`,
    async () => {
      await withVariable("DEPT_CUBLASLT", "libnone-such.so", () =>
        assert.throws(
          () => withPrecision(openCard(), precision),
          (error) => {
            const expected =
              `UsageError: Cannot use engine "cuda-native" with precision "${precision}": expected Nvidia's ` +
              `library cuBLASLt (libnone-such.so; DEPT_CUBLASLT names it), found none (set engine.products=own, or engine.precision=fp32)`;
            assert.equal(String(error), expected);
            return true;
          },
        ));
    },
  );
}

shimTest(
  "a run goes on with the algorithms that it began with, and asks again on another card",
  async () => {
    using folder = temporaryFolder();
    const path = `${folder.path}/.products.json`;
    const kept = () => JSON.parse(Deno.readTextFileSync(path));
    const options = { threads: 1, precision: "bf16" } as const;
    const [one] = operatorCases.MatMul;
    const [graph, feeds] = [operatorGraph("MatMul", one), operatorFeeds("MatMul", 0, one)];
    assert.equal(engine.keepChoices!(folder.path, options), undefined);
    const program = await engine.compile(graph, options);
    const expected = await program.run(feeds);
    await program.dispose();
    const { machine, algorithms } = kept();
    const begin =
      /^Shim .*, compute capability 8\.0, 1 multiprocessors, a driver for CUDA 12\.4, cuBLASLt 13\.1\.1$/;
    assert.match(machine, begin);
    const [[product, algorithm], ...others] = Object.entries(algorithms);
    assert.match(product, /^bf16 /);
    assert.deepEqual([atob(algorithm as string).length, others.length], [64, 0]);

    const again = async (choices: Choices) => {
      const card = withPrecision(openCard(), "bf16");
      card.multiplier!.keepIn(choices);
      return await outputsOf(graph, feeds, card);
    };
    assert.deepEqual(await again(new Choices(folder.path, machine)), expected);
    // The library refuses an algorithm that it did not give: so it is given what is kept.
    const zeros = btoa("\0".repeat(64));
    Deno.writeTextFileSync(path, JSON.stringify({ machine, algorithms: { [product]: zeros } }));
    await assert.rejects(
      () => again(new Choices(folder.path, machine)),
      /^Error: Cannot multiply for MatMul in test: cuBLASLt says status 7$/,
    );
    const elsewhere = new Choices(folder.path, "another card");
    assert.equal(
      elsewhere.warning,
      `goes on on another card from a checkpoint of ${machine}: last digits may differ`,
    );
    assert.deepEqual(kept(), { machine: "another card", algorithms: {} });
    assert.deepEqual(await again(elsewhere), expected);
    assert.deepEqual(kept().algorithms, algorithms);
    for (const damaged of ["", "{", '{"machine":"x","algorithms":{"a":"!"}}']) {
      Deno.writeTextFileSync(path, damaged);
      assert.deepEqual(await again(new Choices(folder.path, machine)), expected);
      assert.deepEqual(kept(), { machine, algorithms });
    }
  },
);

cardTest("bf16 casts a value once, to the nearest number and then to the even one", async () => {
  const builder = new GraphBuilder();
  const x = builder.input("x", float32([1, 4]));
  const one = builder.input("one", float32([4, 4]));
  const first = builder.apply(operators.MatMul, [x, one]);
  const second = builder.apply(operators.MatMul, [x, one]);
  const graph = builder.build({ first, second });
  const plan = planFor(graph, [first, second], {}, rulesFor("bf16"), true);
  const casts = plan.commands.filter(({ command }) =>
    "kernel" in command && command.kernel === "to_bf16"
  );
  assert.equal(casts.length, 2); // of x and of one
  const identity = Float32Array.from({ length: 16 }, (_, i) => i % 5 === 0 ? 1 : 0);
  // 1 + 2⁻⁸ lies between 1 and 1 + 2⁻⁷ and goes to the even one; 1 + 3·2⁻⁸ goes up to 1 + 2⁻⁶.
  const numbers = Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20, -0.1);
  const { first: found } = await outputsOf(
    graph,
    { x: numbers, one: identity },
    withPrecision(openCard(), "bf16"),
  );
  assert.deepEqual([...found], [1, 1 + 2 ** -6, 1 + 2 ** -7, -0.10009765625]);
});
