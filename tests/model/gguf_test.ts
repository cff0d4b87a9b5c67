/**
 * GGUF files: the bytes that the format asks for, and files read back.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { StageError, writePartsSynced } from "../../base/mod.ts";
import {
  GgufFile,
  type GgufKeys,
  ggufName,
  ggufNetworkKeys,
  ggufParts,
  type GgufTensor,
  ggufTensors,
} from "../../model/gguf/mod.ts";
import { type ModelConfig, parameterShapes } from "../../model/mod.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { randomNetwork } from "../support/random_network.ts";

const config: ModelConfig = {
  nLayers: 2,
  dModel: 12,
  nHeads: 3,
  expansion: 3,
  seqLen: 16,
  vocabSize: 20,
  positions: "learned",
  bias: true,
};

Deno.test("ggufParts() lays a file out as the format says", () => {
  const keys: GgufKeys = { "k": { type: "uint32", value: 258 } };
  const tensors: GgufTensor[] = [
    { name: "t", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6), type: "F16" },
    { name: "u", shape: [1], data: Float32Array.of(1), type: "F32" },
  ];
  const u32 = (value: number) => [value & 255, value >> 8, 0, 0];
  const u64 = (value: number) => [...u32(value), 0, 0, 0, 0];
  const head = [
    ...[0x47, 0x47, 0x55, 0x46], // "GGUF"
    ...[...u32(3), ...u64(2), ...u64(1)], // version, tensors, keys
    ...[...u64(1), 0x6b, ...u32(4), ...u32(258)], // "k", type 4: uint32
    ...[...u64(1), 0x74, ...u32(2), ...u64(3), ...u64(2)], // "t", two lengths, the innermost first
    ...[...u32(1), ...u64(0)], // type 1: F16, at 0
    ...[...u64(1), 0x75, ...u32(1), ...u64(1), ...u32(0), ...u64(32)], // 12 bytes end before 32
  ];
  const padded = (
    bytes: number[],
  ) => [...bytes, ...new Array((32 - bytes.length % 32) % 32).fill(0)];
  const halves = [0x00, 0x3c, 0x00, 0x40, 0x00, 0x42, 0x00, 0x44, 0x00, 0x45, 0x00, 0x46]; // 1 … 6
  assert.deepEqual(bytesOf(keys, tensors), [
    ...padded(head),
    ...padded(halves),
    ...padded([0, 0, 0x80, 0x3f]),
  ]);
});

Deno.test("GgufFile reads back every kind of key and both kinds of elements", () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "m.gguf");
  const keys: GgufKeys = {
    "general.name": { type: "string", value: "naïve ▁" },
    "a": { type: "int32", value: -5 },
    "b": { type: "float32", value: 1.5 },
    "c": { type: "bool", value: false },
    "texts": { type: "array", of: "string", value: ["", "\n", "é"] },
    "scores": { type: "array", of: "float32", value: Float32Array.of(-1.25, 0) },
    "kinds": { type: "array", of: "int32", value: Int32Array.of(6, -1) },
    "map": { type: "array", of: "uint8", value: Uint8Array.of(255, 0, 7) },
    ...ggufNetworkKeys(config, "F16"),
  };
  const tensors = randomNetwork(config);
  for (const type of ["F32", "F16"] as const) {
    const written = ggufTensors(config, tensors, type);
    writePartsSynced(path, ggufParts(keys, written));
    using file = GgufFile.open(path);
    assert.deepEqual(Object.fromEntries(file.keys), keys);
    assert.deepEqual([...file.tensors.keys()], written.map(({ name }) => name));
    for (const { name, shape, data, type } of written) {
      assert.deepEqual(file.tensors.get(name)!.shape, shape);
      assert.equal(file.tensors.get(name)!.start % 32, 0);
      const found = Float32Array.from([...file.elements(name)].flatMap((piece) => [...piece]));
      assert.deepEqual(found, type === "F32" ? data : data.map(Math.f16round), name);
    }
  }
});

Deno.test("ggufTensors() keeps vectors in single precision", () => {
  const types = ggufTensors(config, randomNetwork(config), "F16")
    .map(({ shape, type }) => `${shape.length} ${type}`);
  assert.deepEqual(new Set(types), new Set(["2 F16", "1 F32"]));
});

Deno.test("ggufName() gives every parameter a name of its own", () => {
  const names = Object.keys(parameterShapes(config));
  assert.equal(new Set(names.map(ggufName)).size, names.length);
  assert.equal(ggufName("body.block.11.attn.qkv.bias"), "blk.11.attn_qkv.bias");
  assert.equal(ggufName("embedding.position.weight"), "position_embd.weight");
  for (const other of ["head.weight", "body.block.0.head.weight"]) {
    assert.throws(() => ggufName(other), /expected one of a network/);
  }
});

Deno.test("ggufTensors() and ggufNetworkKeys() make GPT-NeoX of rotary positions, with the biases and the head it asks for", () => {
  const rotary: ModelConfig = {
    ...config,
    positions: "rotary",
    rotaryFraction: 0.5,
    bias: false,
    parallelResidual: true,
  };
  const tensors = randomNetwork(rotary);
  const written = new Map(ggufTensors(rotary, tensors, "F32").map((one) => [one.name, one]));
  assert.deepEqual(written.get("blk.1.attn_qkv.bias")!.data, new Float32Array(36));
  assert.equal(written.get("output.weight")!.data, tensors["embedding.token.weight"].data);
  const keys = ggufNetworkKeys(rotary, "F32");
  assert.deepEqual(keys["general.architecture"].value, "gptneox");
  assert.deepEqual(keys["gptneox.rope.dimension_count"].value, 2); // half of 12 / 3 channels
  assert.deepEqual(keys["gptneox.use_parallel_residual"].value, true);
  const untied = { ...config, tiedEmbeddings: false };
  const own = ggufTensors(untied, randomNetwork(untied), "F32").map(({ name }) => name);
  assert.ok(own.includes("output.weight"));
  assert.throws(
    () => ggufNetworkKeys({ ...config, parallelResidual: true }, "F32"),
    /expected parallelResidual with rotary positions only, found learned/,
  );
});

Deno.test("ggufParts() refuses data that does not fit its shape, before anything is written", () => {
  const tensor = { name: "t", shape: [3], data: Float32Array.of(1, 2), type: "F32" } as const;
  assert.throws(() => ggufParts({}, [tensor]).next(), /"t": expected 3 values .* found 2/);
});

Deno.test("GgufFile.open() names the byte of damage, and takes no memory for what cannot be there", () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "m.gguf");
  const keys: GgufKeys = { "k": { type: "array", of: "string", value: ["a"] } };
  const data = Float32Array.of(1, 2);
  const whole = Uint8Array.from(bytesOf(keys, [{ name: "t", shape: [2], data, type: "F32" }]));
  const refuses = (bytes: Uint8Array, message: RegExp) => {
    Deno.writeFileSync(path, bytes);
    assert.throws(() => GgufFile.open(path), (error: Error) => {
      assert.match(error.message, message);
      return error instanceof StageError;
    });
  };
  const changed = (at: number, ...values: number[]) => {
    const bytes = whole.slice();
    bytes.set(values, at);
    return bytes;
  };
  refuses(changed(0, 0x41), /expected "GGUF", found 65/);
  refuses(changed(4, 2), /before byte 8: expected version 3, found 2/);
  refuses(changed(15, 255), /expected at most \d+, the file's bytes, found 18374686479671624000/); // tensors
  refuses(changed(33, 12), /expected a type of value that this project writes, found float64/);
  refuses(changed(33, 77), /expected a type of value, found 77/);
  for (let length = 0; length < whole.length - 24; length += 5) { // the last 24 bytes are padding
    refuses(whole.subarray(0, length), /expected .*, found /);
  }
});

function bytesOf(keys: GgufKeys, tensors: readonly GgufTensor[]): number[] {
  return [...ggufParts(keys, tensors)].flatMap((part) => [...part]);
}
