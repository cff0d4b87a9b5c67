import assert from "node:assert/strict";
import { interpret, scheduleFor } from "../../engine/reference/mod.ts";
import { float32, GraphBuilder, type ModelConfig, rotaryAngles } from "../../model/mod.ts";
import { rotate } from "../../model/rotary.ts";
import { Random, seedOf } from "../../base/mod.ts";

const config: ModelConfig = {
  nLayers: 1,
  dModel: 6,
  nHeads: 1,
  expansion: 1,
  seqLen: 4,
  vocabSize: 2,
  positions: "rotary",
  rotaryFraction: 0.7, // 4.2 of 6 channels: 4, two pairs
  rotaryBase: 100,
  bias: true,
};

Deno.test("rotaryAngles() turns pair k at position p by p·base^(−2k/R)", () => {
  const { cos, sin } = rotaryAngles(config, 2, 2);
  // R = 4 and base 100: pair 0 turns by p, pair 1 by p / 10.
  const angles = [2, 0.2, 3, 0.3];
  assert.deepEqual(cos, Float32Array.from(angles, Math.cos));
  assert.deepEqual(sin, Float32Array.from(angles, Math.sin));
});

/** Rows [T, S] turned to the positions from `from` on. */
function turned(rows: Float64Array, length: number, from: number): Float64Array {
  const builder = new GraphBuilder();
  const x = builder.input("x", float32([length, 6]));
  const cos = builder.input("cos", float32([length, 2]));
  const sin = builder.input("sin", float32([length, 2]));
  const graph = builder.build({ y: rotate(builder, x, { cos, sin }) });
  const angles = rotaryAngles(config, length, from);
  const values = {
    x: rows,
    cos: Float64Array.from(angles.cos),
    sin: Float64Array.from(angles.sin),
  };
  return interpret(graph, scheduleFor(graph, [graph.outputs.y]), values)
    .get(graph.outputs.y) as Float64Array;
}

Deno.test("rotate() pairs channel k with channel k + R/2 and leaves those from R on", () => {
  const y = turned(Float64Array.of(1, 0, 0, 1, 5, 6), 1, 3);
  const expected = [
    Math.cos(3), // 1·cos 3 − 0·sin 3
    -Math.sin(0.3), // 0·cos 0.3 − 1·sin 0.3
    Math.sin(3), // 0·cos 3 + 1·sin 3
    Math.cos(0.3),
    5,
    6,
  ];
  // Tables of angles are in single precision.
  expected.forEach((value, c) => assert.ok(Math.abs(y[c] - value) < 1e-7, `${c}: ${y[c]}`));
});

Deno.test("rotate() makes products of two positions depend on their distance alone", () => {
  const random = new Random(seedOf(1, "rotary_test"));
  const [q, k] = [0, 1].map(() => Float64Array.from({ length: 6 }, () => random.normal()));
  const product = (queryAt: number, keyAt: number) => {
    const [a, b] = [turned(q, 1, queryAt), turned(k, 1, keyAt)];
    return a.reduce((sum, value, c) => sum + value * b[c], 0);
  };
  assert.ok(Math.abs(product(7, 3) - product(104, 100)) < 1e-5);
  assert.ok(Math.abs(product(7, 3) - product(7, 4)) > 1e-2);
});
