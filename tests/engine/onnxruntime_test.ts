import assert from "node:assert/strict";
import {
  differentiate,
  type Graph,
  initialiseBody,
  languageModelGraph,
  type Node,
  type OperatorName,
  operators,
  type TensorType,
} from "../../model/mod.ts";
import { engine } from "../../engine/onnxruntime/mod.ts";
import { encodeModel } from "../../engine/onnxruntime/onnx_proto.ts";
import { Random, seedOf } from "../../base/mod.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { fromFileUrl } from "../support/paths.ts";

const inert = { beta1: 0, beta2: 0, epsilon: 1e-8, weightDecay: 0 };

Deno.test("Session.open() keeps the runtime from reporting to its makers and from noting who uses it", async () => {
  const info = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { denoDir } = JSON.parse(new TextDecoder().decode(info.stdout));
  using home = temporaryFolder();
  const probe = fromFileUrl(new URL("../../commands/engine_probe.ts", import.meta.url));
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", probe, "cpu"],
    clearEnv: true, // with CI among them the runtime is silent by itself
    env: { HOME: home.path, TMPDIR: home.path, DENO_DIR: denoDir },
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  assert.deepEqual([...Deno.readDirSync(home.path)].map((entry) => entry.name), []);
});

Deno.test("encodeModel() writes attributes as the float, int, text or ints that ONNX declares", () => {
  const attributes = { epsilon: 0.5, axis: -1, mode: "m", perm: [1, 0] };
  const model = encodeModel({
    inputs: [],
    outputs: [],
    initializers: [],
    nodes: [{ name: "n", op: "Neg", domain: "", inputs: ["x"], outputs: ["y"], attributes }],
  });
  const written = [...model].join(" ");
  const name = (text: string) => [0x0a, text.length, ...new TextEncoder().encode(text)];
  const minusOne = [...new Array(9).fill(0xff), 0x01];
  // Field 20, the type, has the tag 160 = 0xa0 0x01: 1 float, 2 int, 3 text, 7 ints.
  for (
    const expected of [
      [...name("epsilon"), 0x15, 0x00, 0x00, 0x00, 0x3f, 0xa0, 0x01, 1],
      [...name("axis"), 0x18, ...minusOne, 0xa0, 0x01, 2],
      [...name("mode"), 0x22, 1, "m".charCodeAt(0), 0xa0, 0x01, 3],
      [...name("perm"), 0x40, 1, 0x40, 0, 0xa0, 0x01, 7],
    ]
  ) {
    assert.ok(written.includes(expected.join(" ")), `${expected} in ${written}`);
  }
});

Deno.test("compile() names operator and scope of a node that the runtime refuses", async () => {
  const graph = unary("Nonsense", "body.block.3.mlp");
  await assert.rejects(
    engine.compile(graph, { threads: 1, precision: "fp32" }),
    /^Error: Cannot compile the graph, Nonsense in body\.block\.3\.mlp: ONNX Runtime says: /,
  );
});

Deno.test("compile() names operator and scope of a dept operator without a rewriting", async () => {
  const graph = unary("Nonsense", "body.block.3.mlp", "dept");
  await assert.rejects(
    engine.compile(graph, { threads: 1, precision: "fp32" }),
    /Cannot compile Nonsense in body\.block\.3\.mlp: expected one of AlibiBias, CrossEntropy, .* in domain dept/,
  );
});

Deno.test("compile() leaves out inputs, parameters and nodes that no output needs", async () => {
  const base = unary("Neg", "body");
  const vector = base.types.x;
  const graph: Graph = {
    ...base,
    inputs: { ...base.inputs, unused: vector },
    parameters: { spare: vector },
    nodes: [...base.nodes, node("Nonsense", ["unused"], ["z"], "body")],
    types: { ...base.types, unused: vector, spare: vector, z: vector },
  };
  const program = await engine.compile(graph, { threads: 1, precision: "fp32" });
  const { y } = await program.run({ x: Float32Array.of(1, -2) });
  assert.deepEqual(y, Float32Array.of(-1, 2));
  await program.dispose();
});

Deno.test("run() hands out inputs, parameters and one value under two names, each in its own array", async () => {
  const base = unary("Neg", "body");
  const graph = {
    ...base,
    parameters: { w: base.types.x },
    types: { ...base.types, w: base.types.x },
    outputs: { a: "y", b: "y", x: "x", w: "w" },
  };
  const program = await engine.compile(graph, { threads: 1, precision: "fp32" });
  await program.write({ w: Float32Array.of(7, 8) });
  const x = Float32Array.of(1, -2);
  const fetched = await program.run({ x });
  assert.deepEqual(fetched, {
    a: Float32Array.of(-1, 2),
    b: Float32Array.of(-1, 2),
    x,
    w: Float32Array.of(7, 8),
  });
  assert.equal(new Set([x, ...Object.values(fetched)]).size, 5);
  await program.dispose();
});

Deno.test("run() refuses to start before the run before has ended, and after dispose()", async () => {
  const program = await engine.compile(unary("Neg", "body"), { threads: 1, precision: "fp32" });
  const x = Float32Array.of(1, 2);
  const first = program.run({ x });
  await assert.rejects(program.run({ x }), /expected the call before to have ended/);
  await first;
  await program.dispose();
  await assert.rejects(program.run({ x }), /expected one that was not disposed of/);
});

Deno.test("compile() accepts whole thread counts of 1 or more only", async () => {
  for (const threads of [0, -1, 1.5, NaN]) {
    await assert.rejects(
      engine.compile(unary("Neg", "body"), { threads, precision: "fp32" }),
      RangeError,
    );
  }
});

Deno.test("accumulate() adds embedding rows in token order, the same bytes 100 times on 2 threads", async () => {
  const [rows, width, count] = [16, 24, 8192];
  const program = await engine.compileTraining(embeddingGraph(rows, width, count), {
    threads: 2,
    precision: "fp32",
    optimizer: inert,
  });
  const random = new Random(seedOf(1, "onnxruntime_test/embedding"));
  const tokens = Int32Array.from({ length: count }, () => random.below(8)); // 8 distinct ids
  const weights = Float32Array.from({ length: count * width }, () => random.normal());
  const expected = new Float32Array(rows * width);
  for (let n = 0; n < count; n++) {
    for (let c = 0; c < width; c++) expected[tokens[n] * width + c] += weights[n * width + c];
  }
  for (let repeat = 0; repeat < 100; repeat++) {
    await program.accumulate({ tokens, weights });
    await program.update({ learningRate: 0, clipNorm: Infinity });
    const { moments } = await program.readOptimizer(); // with beta1 = 0 the first moment is the gradient
    assert.deepEqual(moments["table.m"], expected, `repeat ${repeat}`);
  }
  await program.dispose();
});

Deno.test("EmbeddingGradient away from a parameter's gradient equals the loop over rows", async () => {
  const { nodes, types, inputs } = embeddingGraph(4, 2, 5);
  const graph: Graph = {
    inputs,
    parameters: {},
    constants: {},
    nodes: nodes.filter(({ operator }) => operator.name === "EmbeddingGradient"),
    types,
    outputs: { rows: "gradient" },
    gradients: {},
  };
  const program = await engine.compile(graph, { threads: 1, precision: "fp32" });
  const fetched = await program.run({
    tokens: Int32Array.of(3, 0, 3, 3, 1),
    weights: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
  });
  // Row 0 is token 1; row 1 is token 4; row 3 is 1 + 5 + 7 and 2 + 6 + 8; row 2 has no token.
  assert.deepEqual(fetched.rows, Float32Array.of(3, 4, 9, 10, 0, 0, 13, 16));
  await program.dispose();
});

Deno.test("training 200 steps takes no more memory than the first 20", async () => {
  const config = {
    nLayers: 1,
    dModel: 64,
    nHeads: 2,
    expansion: 4,
    seqLen: 16,
    vocabSize: 4000,
    positions: "alibi",
    bias: true,
  } as const;
  const program = await engine.compileTraining(differentiate(languageModelGraph(config, 2)), {
    threads: 1,
    precision: "fp32",
    optimizer: { ...inert, beta2: 0.9 },
  });
  const feeds = {
    tokens: Int32Array.from({ length: 32 }, (_, i) => i),
    targets: Int32Array.from({ length: 32 }, (_, i) => i + 1),
    weights: new Float32Array(32).fill(1 / 32),
  };
  await program.write(initialiseBody(config, seedOf(1, "init/body")));
  const train = async (steps: number) => {
    for (let step = 0; step < steps; step++) {
      await program.accumulate(feeds);
      await program.update({ learningRate: 1e-3, clipNorm: 1 });
    }
    return Deno.memoryUsage().rss / 2 ** 20;
  };
  const before = await train(20);
  const after = await train(200);
  // One set of gradients is 1.2 MiB: kept at every step they would take 240 MiB.
  assert.ok(after - before < 64, `grew from ${before} to ${after} MiB`);
  await program.dispose();
});

function node(
  op: string,
  inputs: string[],
  outputs: string[],
  scope: string,
  domain = "",
  attributes = {},
): Node {
  const known = operators[op as OperatorName] ?? operators.Neg;
  const operator = { ...known, name: op, domain };
  return { operator, inputs, outputs, attributes, scope };
}

/** y = op(x) over two numbers. */
function unary(op: string, scope: string, domain = ""): Graph {
  const vector: TensorType = { dtype: "float32", shape: [2] };
  return {
    inputs: { x: vector },
    parameters: {},
    constants: {},
    nodes: [node(op, ["x"], ["y"], scope, domain)],
    types: { x: vector, y: vector },
    outputs: { y: "y" },
    gradients: {},
  };
}

/** loss = Σ table[tokens]·weights; the gradient of the table sums the weights' rows by token. */
function embeddingGraph(rows: number, width: number, count: number): Graph {
  const float = (...shape: number[]): TensorType => ({ dtype: "float32", shape });
  const inputs = {
    tokens: { dtype: "int32", shape: [count] } as TensorType,
    weights: float(count, width),
  };
  return {
    inputs,
    parameters: { table: float(rows, width) },
    constants: {},
    nodes: [
      node("Gather", ["table", "tokens"], ["embedded"], "embedding"),
      node("Mul", ["embedded", "weights"], ["weighted"], "embedding"),
      node("ReduceSum", ["weighted"], ["sum"], "loss", "", { axes: [0, 1], keepdims: 0 }),
      node("EmbeddingGradient", ["tokens", "weights"], ["gradient"], "embedding", "dept", { rows }),
    ],
    types: {
      ...inputs,
      table: float(rows, width),
      embedded: float(count, width),
      weighted: float(count, width),
      sum: float(),
      gradient: float(rows, width),
    },
    outputs: { loss: "sum" },
    gradients: { table: "gradient" },
  };
}
