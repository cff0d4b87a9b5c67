import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import {
  mixtureWeights,
  openMixture,
  openTokenStream,
  type TokenShards,
  type TokenStream,
} from "../../datasets/mod.ts";
import { seedOf } from "../../base/mod.ts";

/** Shards in memory: token i of a source is `first + i`. */
function shardsOf(first: number, tokens: number): TokenShards {
  const ids = Int32Array.from({ length: tokens }, (_, i) => first + i);
  return {
    vocabSize: 100_000,
    tokens,
    documents: 1,
    bytes: tokens,
    slice: (start, length) => ids.slice(start, start + length),
    ends: Float64Array.of(tokens),
    close() {},
  };
}

function streamsOf(): Map<string, TokenStream> {
  const seqLen = 4;
  return new Map([
    ["b", openTokenStream(shardsOf(2_000, 16), { seqLen, seed: seedOf(1, "order/b/global") })],
    ["a", openTokenStream(shardsOf(1_000, 40), { seqLen, seed: seedOf(1, "order/a/global") })],
  ]);
}

const weights = new Map([["a", 0.75], ["b", 0.25]]);
const seed = seedOf(1, "mixture");

Deno.test("mixtureWeights() is uniform at 0, proportional at 1, and n^τ between", () => {
  deepStrictEqual([...mixtureWeights([100, 300], 0)], [0.5, 0.5]);
  deepStrictEqual([...mixtureWeights([100, 300], 1)], [0.25, 0.75]);
  deepStrictEqual([...mixtureWeights([4, 16], 0.5)], [2 / 6, 4 / 6]); // √4, √16
  const [small, large] = mixtureWeights([1, 1024], 0.3); // 2^(10 · 0.3) = 8
  ok(Math.abs(small - 1 / 9) < 1e-15 && Math.abs(large - 8 / 9) < 1e-15);
});

Deno.test("mixtureWeights() refuses empty sources and other temperatures", () => {
  throws(() => mixtureWeights([5, 0], 1), /positive count for source 1, found 0/);
  throws(() => mixtureWeights([5], 1.5), /tau in \[0, 1\], found 1.5/);
  throws(() => mixtureWeights([5], NaN), RangeError);
});

Deno.test("mixture draws sources in proportion to their weights", () => {
  const mixture = openMixture({ streams: streamsOf(), weights, seed });
  let ofA = 0;
  const draws = 4_000;
  for (let i = 0; i < draws / 8; i++) {
    for (const { source, tokens } of mixture.next(8)) {
      strictEqual(tokens.length, 4);
      strictEqual(source, tokens[0] < 2_000 ? "a" : "b");
      if (source === "a") ofA++;
    }
  }
  // Five deviations of a binomial count: 5 · √(4000 · 3/16) = 137.
  ok(Math.abs(ofA - 3_000) < 137, `${ofA}`);
});

Deno.test("mixture goes on from any position as if it had never stopped", () => {
  const mixture = openMixture({ streams: streamsOf(), weights, seed });
  const steps = Array.from({ length: 12 }, () => {
    const { position } = mixture;
    return { position: JSON.parse(JSON.stringify(position)), batch: mixture.next(5) };
  });
  strictEqual(steps[7].position.step, 7);
  const resumed = openMixture({ streams: streamsOf(), weights, seed });
  for (const { position, batch } of steps.toReversed()) {
    resumed.seek(position);
    deepStrictEqual(resumed.next(5), batch);
  }
});

Deno.test("mixture draws row i of step s alike whatever the batch size and the order of sources", () => {
  const whole = openMixture({ streams: streamsOf(), weights, seed });
  const reversed = new Map([...weights].reverse());
  const part = openMixture({ streams: streamsOf(), weights: reversed, seed });
  for (let step = 0; step < 20; step++) {
    const sources = (rows: { source: string }[]) => rows.map(({ source }) => source);
    deepStrictEqual(sources(part.next(3)), sources(whole.next(6)).slice(0, 3));
  }
});

Deno.test("openMixture() refuses sources without a stream or a weight", () => {
  const streams = streamsOf();
  throws(() => openMixture({ streams, weights: new Map([["a", 1]]), seed }), /for "b", found one/);
  const more = new Map([...weights, ["c", 1] as const]);
  throws(() => openMixture({ streams, weights: more, seed }), /for "c", found one/);
  const zero = new Map([["a", 0], ["b", 0]]);
  throws(() => openMixture({ streams, weights: zero, seed }), /not all zero, found 0, 0/);
  const mixture = openMixture({ streams, weights, seed });
  throws(() => mixture.seek({ step: 1, streams: {} }), /stream position for "a", found none/);
});
