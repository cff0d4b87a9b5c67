/**
 * The engine `cuda-native` beyond what every engine is tested for (`tests/conformance/`): on a driver that runs its kernels on the
 * processor.
 */
import assert from "node:assert/strict";
import { placeAll } from "../../engine/cuda/arena.ts";
import { openCard } from "../../engine/cuda/card.ts";
import type { Argument } from "../../engine/cuda/command.ts";
import { Driver } from "../../engine/cuda/driver.ts";
import { entriesOf } from "../../engine/cuda/kernels.ts";
import { Launches } from "../../engine/cuda/launches.ts";
import { headRulesFor, rowPieces } from "../../engine/cuda/ops/head.ts";
import { fewAxes } from "../../engine/cuda/ops/axes.ts";
import { rulesFor } from "../../engine/cuda/ops/rules.ts";
import { planFor, sortTokens } from "../../engine/cuda/plan.ts";
import { CudaProgram } from "../../engine/cuda/program.ts";
import type { Feeds, Fetches, TrainingProgram } from "../../engine/mod.ts";
import { engine as reference } from "../../engine/reference/mod.ts";
import {
  differentiate,
  type Graph,
  languageModelGraph,
  type ModelConfig,
  type OperatorName,
} from "../../model/mod.ts";
import { operatorCases } from "../conformance/operator_cases.ts";
import { cardTest, shimTest, withVariable } from "../support/cuda_shim.ts";
import {
  adamW,
  config,
  initialValues,
  languageFeeds,
  probe,
  steps,
} from "../support/small_network.ts";
import { operatorFeeds, operatorGraph } from "../support/operator_graphs.ts";
import { assertTensorsClose } from "../support/tensors.ts";

shimTest(
  "every operator gives the same bytes when threads, warps and blocks run backwards",
  async () => {
    const card = openCard();
    const outputsOf = async (graph: Graph, feeds: Feeds): Promise<Fetches> => {
      const program = new CudaProgram(card, graph);
      const outputs = await program.run(feeds);
      await program.dispose();
      return outputs;
    };
    for (const [op, cases] of Object.entries(operatorCases)) {
      for (const [i, one] of cases.entries()) {
        if (one.inputs.flat().some((length) => length > 1000)) continue; // of 6 million logits
        const graph = operatorGraph(op as OperatorName, one);
        const feeds = operatorFeeds(op, i, one);
        const expected = await outputsOf(graph, feeds);
        const found = await withVariable("SHIM_ORDER", "reverse", () => outputsOf(graph, feeds));
        assert.deepEqual(found, expected, `${op} case ${i}`);
      }
    }
  },
);

shimTest("training gives the same bytes when threads, warps and blocks run backwards", async () => {
  const card = openCard();
  const train = async () => {
    const program = new CudaProgram(card, differentiate(languageModelGraph(config, 2)), adamW);
    await program.write(initialValues(config));
    await steps(program, 0, 2);
    const values = await program.read();
    await program.dispose();
    return values;
  };
  assert.deepEqual(await withVariable("SHIM_ORDER", "reverse", train), await train());
});

cardTest(
  "sizes that fill no block, and more than one, give the gradients of reference",
  async () => {
    // 150 rows and 139 classes: products of 3 × 3 blocks; 75 positions: attention in 3 blocks; heads of 72 numbers.
    const sizes = { nLayers: 1, dModel: 72, nHeads: 1, seqLen: 75, vocabSize: 139 };
    const of: ModelConfig = { ...config, ...sizes };
    const graph = differentiate(languageModelGraph(of, 2));
    const step = async (program: TrainingProgram) => {
      await program.write(initialValues(of));
      const { loss } = await program.accumulate(languageFeeds(of, 2, 0));
      const { gradientNorm } = await program.update({ learningRate: 0, clipNorm: Infinity });
      const { moments } = await program.readOptimizer();
      await program.dispose();
      return { loss, gradientNorm, moments };
    };
    const single = { threads: 1, precision: "fp32", optimizer: probe } as const;
    const expected = await step(await reference.compileTraining(graph, single));
    const found = await step(new CudaProgram(openCard(), graph, probe));
    assert.ok(Math.abs(found.loss[0] - expected.loss[0]) < 2 ** -21 * expected.loss[0]);
    const norms = [found.gradientNorm, expected.gradientNorm];
    assert.ok(Math.abs(norms[0] - norms[1]) < 2 ** -20 * norms[1], `${norms}`);
    for (const [name, moment] of Object.entries(expected.moments)) {
      // As in `network_agreement_test.ts`: some forty operators in a row, each good to a unit of its largest value.
      const tolerance = { relative: 2 ** -18, absolute: 2 ** -23 };
      assertTensorsClose(name, found.moments[name], moment, [moment.length], tolerance);
    }
  },
);

cardTest("a head in pieces of rows gives the loss and the gradients of a whole one", async () => {
  const card = openCard();
  const graph = differentiate(languageModelGraph(config, 2));
  const step = async (most: number) => {
    const program = new CudaProgram(card, graph, probe, {
      ...rulesFor("fp32"),
      ...headRulesFor(most),
    });
    await program.write(initialValues(config));
    const { loss } = await program.accumulate(languageFeeds(config, 2, 0));
    await program.update({ learningRate: 0, clipNorm: Infinity });
    const { moments } = await program.readOptimizer();
    await program.dispose();
    return { loss, moments };
  };
  const whole = await step(24 * 50);
  const pieces = await step(7 * 50 + 3); // 24 rows: 7, 7, 7 and 3
  assert.deepEqual(pieces.loss, whole.loss);
  for (const [name, moment] of Object.entries(whole.moments)) {
    // Sums over rows go by pieces: another order of some two dozen terms.
    assertTensorsClose(name, pieces.moments[name], moment, [moment.length], {
      relative: 2 ** -19,
      absolute: 2 ** -23,
    });
  }
});

cardTest(
  "a run of other outputs may need more memory than the first plan, and all go on",
  async () => {
    const program = new CudaProgram(openCard(), languageModelGraph(config, 2));
    await program.write(initialValues(config));
    const feeds = languageFeeds(config, 2, 0);
    const all = await program.run(feeds);
    const { nll } = await program.run(feeds, ["nll"]);
    assert.deepEqual(nll, all.nll);
    assert.deepEqual(await program.run(feeds), all);
    await program.dispose();
  },
);

shimTest("what keeps the engine from a card is said in one sentence", async () => {
  const refusal = (path?: string) => {
    try {
      new Driver(path);
    } catch (error) {
      return String(error);
    }
    return undefined;
  };
  const begin = 'UsageError: Cannot use engine "cuda-native": expected';
  assert.equal(
    refusal("libnone-such.so"),
    `${begin} the Nvidia driver's library (libnone-such.so), found none`,
  );
  const older = await withVariable("SHIM_VERSION", "11040", () => refusal());
  assert.equal(older, `${begin} a driver for CUDA 12.0 or later (525), found one for CUDA 11.4`);
  const none = await withVariable("SHIM_DEVICES", "0", () => refusal());
  assert.equal(none, `${begin} an Nvidia card, found none`);
  const old = await withVariable("SHIM_CAPABILITY", "75", () => refusal());
  assert.match(
    old!,
    /expected a card of compute capability 8\.0 or more \(A100, RTX 30\), found 7\.5 \(Shim/,
  );
  assert.equal(refusal(), undefined);
});

Deno.test({
  name: "a library without the driver's calls is said to be too old",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    assert.throws(
      () => new Driver("libc.so.6"),
      /^UsageError: .*expected a driver for CUDA 12\.0 or later \(525\), found one without cu\w+$/,
    );
  },
});

shimTest(
  "too little memory is refused before anything runs, with what is needed, free and fits",
  async () => {
    const card = openCard();
    const graph = differentiate(languageModelGraph(config, 64));
    const refused = () => new CudaProgram(card, graph, adamW);
    await withVariable("SHIM_FREE", "700000", () =>
      assert.throws(
        refused,
        /^StageError: Cannot place a program on Shim .*: expected [\d.]+ [kM]B of free memory, found 700\.0 kB; of 64 sequences about [1-5]?\d fit: set microBatchSize$/,
      ));
    await withVariable("SHIM_FREE", "1000", () => assert.throws(refused, /no micro-batch fits$/));
  },
);

shimTest(
  "a lost card ends the program with the driver's word; checked, with the kernel and its place",
  async () => {
    const graph = differentiate(languageModelGraph(config, 2));
    const lose = async () => {
      const program = new CudaProgram(openCard(), graph, adamW);
      try {
        await program.accumulate(languageFeeds(config, 2, 0));
      } finally {
        await program.dispose(); // is no second error
      }
    };
    const lost = (run: () => Promise<void>) => withVariable("SHIM_LOST", "gradient_gelu", run);
    await lost(() =>
      assert.rejects(
        lose,
        /^StageError: Cannot (?!end).*: the driver says CUDA_ERROR_ILLEGAL_ADDRESS \(700\); the card is lost to this process: run again to go on$/,
      )
    );
    await withVariable("DEPT_CUDA_CHECK", "1", () =>
      lost(() =>
        assert.rejects(
          lose,
          /^StageError: Cannot run gradient_gelu for GeluGradient in body\.block\.1\.mlp\.gradient: the driver says CUDA_ERROR_ILLEGAL/,
        )
      ));
  },
);

cardTest("launches refuse a kernel that is not there, or has other parameters", () => {
  const card = openCard();
  const grid = { blocks: [1, 1, 1], threads: 32 } as const;
  const launches = (kernel: string, list: readonly Argument[]) => () =>
    new Launches(
      card,
      [{ command: { kernel, grid, arguments: list }, purpose: "a test" }],
      () => 0n,
    );
  assert.throws(
    launches("unary_tan", ["y", "x", 1]),
    /kernel unary_tan: expected one of the PTX text/,
  );
  assert.throws(
    launches("unary_neg", ["y", "x"]),
    /run unary_neg for a test: expected 3 arguments, found 2/,
  );
  assert.throws(launches("unary_neg", ["y", 1, 1]), /expected "u64", found 1/);
  assert.throws(launches("move", ["y", "x", 1, [1, 2]]), /expected \{"bytes":72\}, found \[1,2\]/);
});

Deno.test("entriesOf() reads kernels and their parameters from PTX text", () => {
  const ptx =
    ".visible .entry two(\n\t.param .u64 two_param_0,\n\t.param .align 4 .b8 two_param_1[12]\n)\n{\n}\n" +
    ".visible .entry none()\n{\n}\n";
  assert.deepEqual([...entriesOf(ptx)], [["two", ["u64", { bytes: 12 }]], ["none", []]]);
  assert.throws(
    () => entriesOf(".visible .entry odd(\n\t.param .f64 odd_param_0\n)"),
    /kernel odd: expected .*found "\.param \.f64/,
  );
});

Deno.test("sortTokens() sorts by id, tokens of one id in their order", () => {
  const { order, first } = sortTokens(Int32Array.of(5, 0, 5, 2, 0), 6);
  assert.deepEqual([...order], [1, 4, 3, 0, 2]);
  assert.deepEqual([...first], [0, 2, 3, 5, 5, 5]); // ids 0, 2 and 5; then none
});

Deno.test("rowPieces() cuts rows so that logits fit, one row at least", () => {
  assert.deepEqual(rowPieces(5, 10, 25), [{ from: 0, count: 2 }, { from: 2, count: 2 }, {
    from: 4,
    count: 1,
  }]);
  assert.deepEqual(rowPieces(2, 10, 5), [{ from: 0, count: 1 }, { from: 1, count: 1 }]);
});

Deno.test("fewAxes() joins axes that every tensor steps over evenly, and refuses too many", () => {
  // [2, 3, 4] beside [4]: the first two axes are one.
  assert.deepEqual(fewAxes([2, 3, 4], [[12, 4, 1], [0, 0, 1]], 2), {
    extents: [6, 4],
    steps: [[4, 1], [0, 1]],
  });
  assert.deepEqual(fewAxes([2, 1, 3], [[3, 0, 1]], 2), { extents: [1, 6], steps: [[0, 1]] });
  assert.throws(() => fewAxes([2, 2, 2], [[1, 2, 4]], 2), /expected at most 2 axes, found 3/);
});

Deno.test("placeAll() places no two values over each other while both live, in little more than what lives at once", () => {
  const of: ModelConfig = { ...config, nLayers: 8, seqLen: 64 };
  const graph = differentiate(languageModelGraph(of, 2));
  const { arena } = planFor(graph, Object.values(graph.outputs), graph.gradients, rulesFor("fp32"));
  const { lifetimes } = arena;
  let most = 0;
  for (const { name, bytes, from } of lifetimes) {
    const start = arena.offsets.get(name)!;
    assert.equal(start % 256, 0);
    let live = 0;
    for (const other of lifetimes) {
      if (other.from <= from && from <= other.to) live += other.bytes;
      if (other.name === name || other.to < from || other.from > from) continue;
      const at = arena.offsets.get(other.name)!;
      assert.ok(at + other.bytes <= start || start + bytes <= at, `${name} and ${other.name}`);
    }
    most = Math.max(most, live);
  }
  assert.ok(lifetimes.length > 300, `${lifetimes.length} values`);
  // 1.000 to 1.014 were found; small values are rounded up to 256 bytes.
  assert.ok(arena.bytes <= 1.05 * most, `${arena.bytes} bytes, of which ${most} live at once`);
  assert.deepEqual(
    placeAll(lifetimes.toReversed()).offsets.get(lifetimes[0].name),
    arena.offsets.get(lifetimes[0].name),
  );
});

Deno.test("planFor() places a step with a context of 8,192 in 6 GB: nothing grows with its square", () => {
  // GPT-2's smallest network, one sequence. Scores alone would be 12 heads × 8,192² × 4 B = 3.2 GB in each of 12 layers.
  const sizes = { nLayers: 12, dModel: 768, nHeads: 12, seqLen: 8192, vocabSize: 50_257 };
  const graph = differentiate(languageModelGraph({ ...config, ...sizes }, 1));
  const { arena } = planFor(
    graph,
    Object.values(graph.outputs),
    graph.gradients,
    rulesFor("fp32"),
  );
  assert.ok(arena.bytes < 6e9, `${arena.bytes} bytes`);
  // The largest values are pieces of logits (2 ** 26 numbers), not 12 × 8,192² scores or biases.
  const largest = Math.max(...arena.lifetimes.map(({ bytes }) => bytes));
  assert.ok(largest <= 4 * 2 ** 26, `${largest} bytes`);
});
