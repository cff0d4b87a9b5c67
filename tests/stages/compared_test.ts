/**
 * Two evaluations side by side.
 */
import assert from "node:assert/strict";
import { comparedLosses } from "../../stages/report/mod.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { evaluations } from "../support/evaluations.ts";

/** Bits per byte of nats over 40 bytes. */
const bits = (nats: number) => nats / 40 / Math.LN2;

function near(found: number, expected: number): void {
  assert.ok(Math.abs(found - expected) < 1e-12, `${found}, expected ${expected}`); // a few roundings
}

Deno.test("comparedLosses() pairs documents where the text is the same: what both have in common drops out", () => {
  using folder = temporaryFolder();
  const paths = evaluations(folder.path, { first: [20, 20, 20], second: [16, 22, 20] });
  const found = comparedLosses(paths["losses/first"], paths["losses/second"], () => true);
  assert.deepEqual(found.map(({ source, isPaired }) => [source, isPaired]), [
    ["aa", true],
    ["bb", true],
    ["cc", true],
    [null, true],
  ]);
  // Both documents of a source differ by as much, so each resample does too.
  [-4, 2, 0, -2 / 3].forEach((nats, i) => {
    const { before, after, interval: [low, high] } = found[i];
    near(before, bits(20));
    near(after - before, bits(nats));
    near(low, bits(nats));
    near(high, bits(nats));
  });
});

Deno.test("comparedLosses() puts intervals together where the text is another, and says so", () => {
  using folder = temporaryFolder();
  const paths = evaluations(folder.path, { first: [20, 20, 20], second: [16, 22, 20] });
  const found = comparedLosses(
    paths["losses/first"],
    paths["losses/second"],
    (source) => source !== "aa",
  );
  const [aa, bb, , mean] = found;
  assert.deepEqual(found.map(({ isPaired }) => isPaired), [false, true, true, false]);
  // Each interval of the summaries is 1 to 2: halves of 0.5, and √(0.25 + 0.25) of both.
  near(aa.interval[0], bits(-4) - Math.SQRT1_2);
  near(aa.interval[1], bits(-4) + Math.SQRT1_2);
  near(bb.interval[0], bits(2));
  // The mean of three sources: √3 · √½ / 3.
  near(mean.interval[1] - (mean.after - mean.before), Math.sqrt(1.5) / 3);
});

Deno.test("comparedLosses() compares the sources that both have", () => {
  using folder = temporaryFolder();
  const { "losses/first": first } = evaluations(folder.path, { first: [20, 20, 20] });
  assert.deepEqual(
    comparedLosses(first, first, () => true).map(({ after, before }) => after - before),
    [0, 0, 0, 0],
  );
});
