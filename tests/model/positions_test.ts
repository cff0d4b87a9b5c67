import assert from "node:assert/strict";
import { alibiBias, alibiSlopes } from "../../model/positions.ts";

Deno.test("alibiSlopes() of 8 heads are 1/2, 1/4, … 1/256", () => {
  assert.deepEqual(alibiSlopes(8), [1, 2, 3, 4, 5, 6, 7, 8].map((h) => 2 ** -h));
});

Deno.test("alibiSlopes() of 12 heads are those of 16, even places first", () => {
  // 16 slopes 2^(−h/2), h = 1…16; of 0-based places 1, 3, …, 15 come h = 2, 4, …, 16; then h = 1, 3, 5, 7.
  const exponents = [1, 2, 3, 4, 5, 6, 7, 8, 0.5, 1.5, 2.5, 3.5];
  assert.deepEqual(alibiSlopes(12), exponents.map((exponent) => 2 ** -exponent));
});

Deno.test("alibiSlopes() of one head is 1/256", () => {
  assert.deepEqual(alibiSlopes(1), [2 ** -8]);
});

Deno.test("alibiBias() is slope times distance behind, and hides what is ahead", () => {
  const [near, far] = [2 ** -4, 2 ** -8]; // two heads
  assert.deepEqual(
    [...alibiBias(2, 3)],
    [
      ...[0, -1e9, -1e9, -near, 0, -1e9, -2 * near, -near, 0],
      ...[0, -1e9, -1e9, -far, 0, -1e9, -2 * far, -far, 0],
    ],
  );
});
