import assert from "node:assert/strict";
import { withoutKeyBias } from "../../model/mod.ts";
import { parameterNorm, updateNorm } from "../../training/mod.ts";
import { driftOf } from "../../training/mod.ts";

const bias = "body.block.0.attn.qkv.bias";
const weight = "body.block.0.attn.qkv.weight";

/** A fused bias of width 2, and a weight of one number. */
const tensors = (q: number, k: number, v: number) => ({
  [bias]: { shape: [6], data: Float32Array.of(q, q, k, k, v, v) },
  [weight]: { shape: [1], data: Float32Array.of(1) },
});

Deno.test("withoutKeyBias() leaves out the middle third of the fused bias, and nothing of others", () => {
  const values = Float32Array.of(1, 2, 3, 4, 5, 6);
  assert.deepEqual(withoutKeyBias(bias, values), Float32Array.of(1, 2, 5, 6));
  for (const name of [weight, "body.block.0.attn.out.bias", "embedding.token.weight"]) {
    assert.equal(withoutKeyBias(name, values), values);
  }
});

Deno.test("norms and drift do not see biases of keys", () => {
  // 1² + 2·3² + 2·2²
  assert.equal(parameterNorm(tensors(3, 100, 2)), Math.sqrt(27));
  // Two of q moved by 1, two of v by 2.
  assert.equal(updateNorm(tensors(0, 0, 0), tensors(1, 50, 2)), Math.sqrt(10));
  const vocabulary = { size: 1 };
  const drift = (k: number) =>
    driftOf(
      tensors(0, 0, 0),
      new Map([
        ["a", { tensors: tensors(1, k, 2), vocabulary }],
        ["b", { tensors: tensors(2, -k, 1), vocabulary }],
      ]),
    );
  assert.deepEqual(drift(50), drift(0));
  assert.equal(drift(50).deltaNorms.a, Math.sqrt(10));
  // (2·1·2 + 2·2·1) / (√10·√10)
  assert.ok(Math.abs(drift(50).cosines[0].body! - 0.8) < 1e-12);
  // Half the differences, ±0.5 in four of the five numbers that count.
  assert.ok(Math.abs(drift(50).deltaVariance - 4 * 0.25 / 5) < 1e-12);
});
