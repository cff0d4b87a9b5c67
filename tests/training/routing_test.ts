/**
 * Where a text goes: bits by hand.
 */
import assert from "node:assert/strict";
import { Router } from "../../training/mod.ts";

/** Pieces are the letters a, b, c. */
const letters = { encode: (text: string) => Int32Array.from(text, (c) => "abc".indexOf(c)) };

Deno.test("Router tells a text by each source's counts, and takes the fewest nats; of equals the first", () => {
  const router = new Router([
    { source: "x", tokenizer: letters, counts: [5, 1, 0] },
    { source: "y", tokenizer: letters, counts: [0, 1, 5] },
  ]);
  const readings = router.read("aab");
  // x: (5 + 1) / (6 + 3) twice, (1 + 1) / 9; y: 1 / 9 twice, 2 / 9
  const nats = [2 * Math.log(9 / 6) + Math.log(9 / 2), 2 * Math.log(9) + Math.log(9 / 2)];
  readings.forEach((reading, k) => assert.ok(Math.abs(reading.nats - nats[k]) < 1e-12));
  assert.deepEqual([...readings[0].ids], [0, 0, 1]);
  assert.equal(router.choose(readings), 0);
  assert.equal(router.choose(router.read("ccb")), 1);
  assert.equal(router.choose(router.read("b")), 0);
  assert.throws(() => new Router([]), RangeError);
});
