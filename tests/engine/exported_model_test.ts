/**
 * The network as an ONNX model for other programs, run by ONNX Runtime and compared with the engine `reference`.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import {
  encodeModel,
  exportedGraph,
  ExportedSession,
  storedModel,
} from "../../engine/onnxruntime/exported/mod.ts";
import type { ModelConfig } from "../../model/mod.ts";
import { writePartsSynced } from "../../base/mod.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { randomNetwork, referenceLogits } from "../support/random_network.ts";
import { assertTensorsClose } from "../support/tensors.ts";

const base: ModelConfig = {
  nLayers: 2,
  dModel: 24,
  nHeads: 4,
  expansion: 4,
  seqLen: 16,
  vocabSize: 50,
  positions: "alibi",
  bias: true,
};
const tokens = [3, 1, 4, 15, 9, 26, 5, 35, 8, 9, 7, 49];
/** Of logits of about ±8: some hundred additions in single precision. */
const tolerance = { absolute: 2e-5 };

const kinds: readonly [string, Partial<ModelConfig>][] = [
  ["ALiBi with biases", {}],
  ["ALiBi without biases", { bias: false }],
  ["learned positions with biases", { positions: "learned" }],
  ["learned positions without biases", { positions: "learned", bias: false }],
  ["six heads, whose slopes are no powers of one number", { nHeads: 6 }],
  ["three times the width inside", { expansion: 3 }],
  ["rotary positions of half the channels, parallel residual, untied head", {
    positions: "rotary",
    dModel: 32,
    rotaryFraction: 0.5,
    parallelResidual: true,
    tiedEmbeddings: false,
  }],
  ["rotary positions of all channels", { positions: "rotary", dModel: 32, rotaryFraction: 1 }],
  ["GELU by tanh, another epsilon", { gelu: "tanh", layerNormEps: 1e-2 }],
];

for (const [name, change] of kinds) {
  const config = { ...base, ...change };
  Deno.test(`exportedGraph() says what the engine reference says, at once and in steps: ${name}`, async () => {
    const network = randomNetwork(config);
    const expected = await referenceLogits(config, network, tokens);
    const V = config.vocabSize;
    const session = await open(config, network);
    const at = (from: number, to: number) => expected.subarray(from * V, to * V);
    assertTensorsClose("at once", await session.read(tokens), expected, [12, V], tolerance);
    session.reset();
    for (const [from, to] of [[0, 5], [5, 6], [6, 12]]) { // keys and values of earlier tokens are kept
      const read = await session.read(tokens.slice(from, to));
      assertTensorsClose(`${from} to ${to}`, read, at(from, to), [to - from, V], tolerance);
    }
    await session.dispose();
  });
}

Deno.test("exportedGraph() reads on beyond the trained length with ALiBi", async () => {
  const network = randomNetwork(base);
  const long = Array.from({ length: 40 }, (_, i) => (7 * i) % base.vocabSize); // seqLen is 16
  const session = await open(base, network);
  const expected = await referenceLogits(base, network, long);
  assertTensorsClose("logits", await session.read(long), expected, [40, 50], tolerance);
  await session.dispose();
});

for (const positions of ["alibi", "learned", "rotary"] as const) {
  Deno.test(`exportedGraph() gives a sequence behind padding its own logits: ${positions}`, async () => {
    const config = { ...base, positions, rotaryFraction: 2 / 3 };
    const network = randomNetwork(config);
    const runtime = await ort.InferenceSession.create(encodeModel(exportedGraph(config, network)));
    const integers = (rows: readonly (readonly number[])[]) =>
      new ort.Tensor("int64", BigInt64Array.from(rows.flat(), BigInt), [
        rows.length,
        rows[0].length,
      ]);
    const pad = 3;
    const feeds: Record<string, ort.Tensor> = {
      input_ids: integers([[7, 8, 9, 10, 11], [pad, pad, 7, 8, 9]]),
      attention_mask: integers([[1, 1, 1, 1, 1], [0, 0, 1, 1, 1]]),
    };
    // As transformers counts them: places among what is not padding.
    if (positions === "learned") feeds.position_ids = integers([[0, 1, 2, 3, 4], [1, 1, 0, 1, 2]]);
    for (const name of runtime.inputNames.filter((name) => name.startsWith("past_key_values."))) {
      feeds[name] = new ort.Tensor("float32", new Float32Array(0), [2, 4, 0, 6]);
    }
    const { logits } = await runtime.run(feeds);
    assert.deepEqual(logits.dims, [2, 5, 50]);
    const data = logits.data as Float32Array;
    const first = await referenceLogits(config, network, [7, 8, 9, 10, 11]);
    assertTensorsClose("without padding", data.subarray(0, 250), first, [5, 50], tolerance);
    const padded = data.subarray((5 + 2) * 50);
    assertTensorsClose("with padding", padded, first.subarray(0, 150), [3, 50], tolerance);
    await runtime.release();
  });
}

Deno.test("exportedGraph() names inputs, outputs and their lengths as Optimum does", async () => {
  const config = { ...base, nLayers: 1, positions: "learned" } as const;
  const { inputs, outputs } = exportedGraph(config, randomNetwork(config));
  const lines = [...inputs, ...outputs].map(({ name, elementType, shape }) =>
    `${name}: ${elementType} [${shape.join(", ")}]`
  );
  assert.deepEqual(lines, [
    "input_ids: int64 [batch_size, sequence_length]",
    "attention_mask: int64 [batch_size, past_sequence_length + sequence_length]",
    "position_ids: int64 [batch_size, sequence_length]",
    "past_key_values.0.key: float32 [batch_size, 4, past_sequence_length, 6]",
    "past_key_values.0.value: float32 [batch_size, 4, past_sequence_length, 6]",
    "logits: float32 [batch_size, sequence_length, 50]",
    "present.0.key: float32 [batch_size, 4, past_sequence_length + sequence_length, 6]",
    "present.0.value: float32 [batch_size, 4, past_sequence_length + sequence_length, 6]",
  ]);
  const session = await ort.InferenceSession.create(
    encodeModel(exportedGraph(config, randomNetwork(config))),
  );
  const found = session.inputMetadata.map((value) => value.isTensor ? value.shape : []);
  assert.deepEqual(found[1], ["batch_size", "past_sequence_length + sequence_length"]);
  assert.deepEqual(found[3], ["batch_size", 4, "past_sequence_length", 6]);
  await session.release();
});

Deno.test("storedModel() puts tensors into files beside the model, from which the runtime reads the same", async () => {
  using folder = temporaryFolder();
  const network = randomNetwork(base);
  const graph = exportedGraph(base, network);
  const [inside, ...none] = storedModel(graph, "whole.onnx");
  assert.deepEqual(none, []);
  const files = storedModel(graph, "model.onnx", { inlineBytes: 1000, fileBytes: 20_000 });
  for (const { name, parts } of [inside, ...files]) {
    writePartsSynced(join(folder.path, name), parts);
  }
  // In bytes: the table 4,800, qkv 6,912, out 2,304, up and down 9,216 each, at multiples of 4,096 in files of 20,000.
  const places = [["table", "qkv", "out"], ["up"], ["down", "qkv"], ["out", "up"], ["down"]];
  assert.deepEqual(
    files.map(({ name }) => name),
    ["model.onnx", ...places.map((_, i) => `model.onnx_data${i === 0 ? "" : `_${i}`}`)],
  );
  const sizes = files.slice(1).map(({ name }) => Deno.statSync(join(folder.path, name)).size);
  assert.deepEqual(sizes, [16384 + 2304, 9216, 12288 + 6912, 4096 + 9216, 9216]);
  assert.ok(Deno.statSync(join(folder.path, "model.onnx")).size < 30_000);
  const logits = [];
  for (const name of ["whole.onnx", "model.onnx"]) {
    const session = await ExportedSession.open(join(folder.path, name), base, { threads: 1 });
    logits.push(await session.read(tokens));
    await session.dispose();
  }
  assert.deepEqual(logits[0], logits[1]);
});

Deno.test("storedModel() gives a tensor that is larger than a file its own file", () => {
  const network = randomNetwork(base);
  const files = storedModel(exportedGraph(base, network), "m.onnx", {
    inlineBytes: 0,
    fileBytes: 1,
  });
  const external = Object.values(network).filter(({ data }) => data.byteLength >= 1024);
  assert.equal(files.length, 1 + external.length);
});

Deno.test("exportedGraph() with llama.cpp's GELU differs by what half precision and tanh leave", async () => {
  const network = randomNetwork(base);
  const graph = exportedGraph(base, network, { gelu: "llama.cpp" });
  const session = await ExportedSession.open(encodeModel(graph), base, { threads: 1 });
  const exact = await referenceLogits(base, network, tokens);
  const found = await session.read(tokens);
  const furthest = found.reduce((most, value, i) => Math.max(most, Math.abs(value - exact[i])), 0);
  // GELU's values near ±2 are off by up to 1e-3, half of them by rounding; four such layers stay below 0.1.
  assert.ok(furthest > 1e-4 && furthest < 0.1, `${furthest}`);
  await session.dispose();
});

async function open(config: ModelConfig, network: ReturnType<typeof randomNetwork>) {
  const bytes = encodeModel(exportedGraph(config, network));
  return await ExportedSession.open(bytes, config, { threads: 1 });
}
