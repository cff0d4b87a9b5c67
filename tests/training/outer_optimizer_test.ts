import assert from "node:assert/strict";
import {
  cutVocabulary,
  meanDeltas,
  type OuterSettings,
  outerStep,
  type Tensors,
  wholeVocabulary,
} from "../../training/mod.ts";
import { variantOf } from "./support.ts";

const table = "embedding.token.weight";
const body = "body.norm_final.weight";
const tensor = (shape: number[], ...values: number[]) => ({
  shape,
  data: Float32Array.from(values),
});

/** Shared parameters and state after a round in which one source turns `shared` into `result`. */
function round(
  shared: Tensors,
  state: Tensors,
  result: Tensors,
  settings: OuterSettings,
  rows?: number[],
) {
  const vocabulary = rows ? cutVocabulary(Int32Array.from(rows), 2) : wholeVocabulary(2);
  const results = new Map([["a", { tensors: result, vocabulary }]]);
  return outerStep(shared, meanDeltas(variantOf("trim"), shared, results), settings, state);
}

Deno.test("outerStep() with Nesterov's momentum, by hand through two rounds", () => {
  const settings = { kind: "nesterov", learningRate: 0.5, momentum: 0.5 } as const;
  const start: Tensors = { [body]: tensor([1], 1) };
  // Δ = 4: u = 4; θ = 1 + ½·(4 + ½·4) = 4
  const first = round(start, {}, { [body]: tensor([1], 5) }, settings);
  assert.equal(first.shared[body].data[0], 4);
  // Δ = 1: u = ½·4 + 1 = 3; θ = 4 + ½·(1 + ½·3) = 5.25
  const second = round(first.shared, first.state, { [body]: tensor([1], 5) }, settings);
  assert.equal(second.shared[body].data[0], 5.25);
  assert.deepEqual(Object.keys(second.state), [`${body}|momentum`]);
  assert.equal(second.state[`${body}|momentum`].data[0], 3);
});

Deno.test("outerStep() with FedAdam, by hand through two rounds", () => {
  const settings = {
    kind: "fedadam",
    learningRate: 2,
    beta1: 0.5,
    beta2: 0.75,
    epsilon: 1,
  } as const;
  const start: Tensors = { [body]: tensor([1], 1) };
  // Δ = √13, so that v = ¾·1 + ¼·13 = 4 has a whole root (v begins with ε² = 1)
  const delta = Math.sqrt(13);
  const first = round(start, {}, { [body]: tensor([1], 1 + delta) }, settings);
  // m = ½·√13; θ = 1 + 2·½·√13 / (2 + 1)
  const moved = Math.fround(1 + delta) - 1; // what float32 keeps of the difference
  assert.ok(Math.abs(first.shared[body].data[0] - (1 + moved / 3)) < 1e-6);
  // Δ = 0: m = ¼·√13, v = 3; θ += 2·¼·√13 / (√3 + 1)
  const second = round(first.shared, first.state, first.shared, settings);
  const expected = 1 + moved / 3 + (moved / 2) / (Math.sqrt(3) + 1);
  assert.ok(Math.abs(second.shared[body].data[0] - expected) < 1e-6);
});

for (
  const settings of [
    { kind: "nesterov", learningRate: 0.7, momentum: 0.9 },
    { kind: "fedadam", learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-3 },
  ] as const
) {
  Deno.test(`outerStep() with ${settings.kind} leaves rows alone that no source has trained, and their state`, () => {
    const start: Tensors = { [table]: tensor([2, 1], 1, 2) };
    const both = round(start, {}, { [table]: tensor([2, 1], 3, 5) }, settings, [0, 1]);
    const one = round(both.shared, both.state, { [table]: tensor([1, 1], 9) }, settings, [0]);
    assert.notEqual(one.shared[table].data[0], both.shared[table].data[0]);
    assert.equal(one.shared[table].data[1], both.shared[table].data[1]);
    for (const name of Object.keys(one.state)) {
      assert.equal(one.state[name].data[1], both.state[name].data[1], name);
      assert.notEqual(one.state[name].data[0], both.state[name].data[0], name);
    }
  });
}
