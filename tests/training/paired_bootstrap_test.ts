/**
 * Paired differences: against sums by hand, and against the same resampling in Python with draws of its own.
 */
import assert from "node:assert/strict";
import {
  bitsPerByte,
  decodeDocumentLosses,
  differenceInterval,
  encodeDocumentLosses,
  meanMeasure,
  perplexity,
  resampledMean,
} from "../../training/mod.ts";

/** Documents of so many nats in bits, each of 10 tokens and as many bytes as said. */
function documents(bits: readonly number[], bytes: readonly number[]) {
  return {
    lossNats: Float64Array.from(bits, (value) => value * Math.LN2),
    tokens: new Float64Array(bits.length).fill(10),
    bytes: Float64Array.from(bytes),
  };
}

const near = (found: number, expected: number, tolerance = 1e-12) =>
  assert.ok(Math.abs(found - expected) <= tolerance, `expected ${expected}, found ${found}`);

Deno.test("measures are those of the sums: bits per byte, perplexity, their mean over sources and seeds", () => {
  const a = documents([30, 10], [10, 10]); // 40 bits over 20 bytes
  const b = documents([15], [10]);
  near(meanMeasure([new Map([["a", a]])], ["a"], bitsPerByte)!, 2);
  near(meanMeasure([new Map([["a", a], ["b", b]])], ["a", "b"], bitsPerByte)!, 1.75);
  near(meanMeasure([new Map([["a", a]]), new Map([["a", b]])], ["a"], bitsPerByte)!, 1.75);
  near(meanMeasure([new Map([["b", b]])], ["b"], perplexity)!, 2 ** 1.5);
  assert.equal(meanMeasure([new Map([["a", a]])], ["a", "b"], bitsPerByte), undefined);
  assert.equal(resampledMean([new Map([["a", a]])], ["b"], bitsPerByte), undefined);
});

Deno.test("what documents have in common drops out of a paired difference", () => {
  const bits = [10, 80, 25, 60, 5, 44];
  const bytes = bits.map(() => 10);
  const ours = new Map([["a", documents(bits.map((value) => value - 1), bytes)]]);
  const theirs = new Map([["a", documents(bits, bytes)]]);
  const samples = (of: typeof ours) => resampledMean([of], ["a"], bitsPerByte)!;
  const [low, high] = differenceInterval(samples(ours), samples(theirs));
  near(low, -0.1);
  near(high, -0.1);
  const marginal = [...samples(ours)].sort((a, b) => a - b);
  assert.ok(marginal[974] - marginal[25] > 3); // the model alone is known to a few bits
});

Deno.test("two documents are drawn as the binomial distribution says", () => {
  // Differences of 0 and 1 bits per byte: a resample has 0, 1 or 2 of the second, with 1/4, 1/2, 1/4.
  const ours = new Map([["a", documents([20, 30], [10, 10])]]);
  const theirs = new Map([["a", documents([20, 20], [10, 10])]]);
  const [x, y] = [ours, theirs].map((of) => resampledMean([of], ["a"], bitsPerByte)!);
  const counts = new Map<number, number>();
  x.forEach((value, i) => {
    const difference = Number((value - y[i]).toFixed(9));
    counts.set(difference, (counts.get(difference) ?? 0) + 1);
  });
  assert.deepEqual([...counts.keys()].sort(), [0, 0.5, 1]);
  // 1,000 draws: four standard deviations are 55 and 63.
  near(counts.get(0)!, 250, 55);
  near(counts.get(0.5)!, 500, 63);
  assert.deepEqual(differenceInterval(x, y), [0, 1]);
});

Deno.test("intervals over many documents are those of the normal distribution", () => {
  // python3 -c "import numpy as n; d=n.sin(n.arange(400)); r=n.random.default_rng(0); \
  //   print(n.quantile([d[r.integers(0,400,400)].mean() for _ in range(50000)],[.025,.975]))"  → [-0.0644 0.0741]
  const waves = Array.from({ length: 400 }, (_, i) => Math.sin(i));
  const bytes = waves.map(() => 1);
  const ours = new Map([["a", documents(waves.map((value) => 5 + value), bytes)]]);
  const theirs = new Map([["a", documents(waves.map(() => 5), bytes)]]);
  const [x, y] = [ours, theirs].map((of) => resampledMean([of], ["a"], bitsPerByte)!);
  const [low, high] = differenceInterval(x, y);
  // An end of 1,000 resamples has an error of about 0.003.
  near(low, -0.0644, 0.01);
  near(high, 0.0741, 0.01);
});

Deno.test("with seeds the interval holds what seeds differ by, which documents alone do not tell", () => {
  const bytes = [10, 10, 10, 10];
  const seed = (bits: number) => new Map([["a", documents(bytes.map(() => bits), bytes)]]);
  const reference = [seed(20), seed(20), seed(20)];
  const ours = [seed(19), seed(20), seed(24)]; // -0.1, 0, +0.4 bits per byte: mean 0.1
  const interval = (a: typeof ours, b: typeof ours) =>
    differenceInterval(
      resampledMean(a, ["a"], bitsPerByte)!,
      resampledMean(b, ["a"], bitsPerByte)!,
    );
  const [low, high] = interval(ours, reference);
  // All three draws of the lowest, and of the highest seed, have a chance of 1/27 each: more than 2.5 %.
  near(low, -0.1);
  near(high, 0.4);
  assert.deepEqual(interval([seed(19)], [seed(20)]).map((end) => end.toFixed(9)), [
    "-0.100000000",
    "-0.100000000",
  ]);
});

Deno.test("more seeds that do not differ make no interval narrower", () => {
  const waves = Array.from({ length: 100 }, (_, i) => Math.sin(i));
  const bytes = waves.map(() => 1);
  const ours = new Map([["a", documents(waves.map((value) => 5 + value), bytes)]]);
  const theirs = new Map([["a", documents(waves.map(() => 5), bytes)]]);
  const interval = (seeds: number) => {
    const samples = (of: typeof ours) => resampledMean(Array(seeds).fill(of), ["a"], bitsPerByte)!;
    return differenceInterval(samples(ours), samples(theirs)).map((end) => end.toFixed(9));
  };
  assert.deepEqual(interval(3), interval(1));
});

Deno.test("resamples without a byte are left out of an interval", () => {
  const ours = new Map([["a", documents([20, 30], [10, 0])]]);
  const theirs = new Map([["a", documents([10, 30], [10, 0])]]);
  const [x, y] = [ours, theirs].map((of) => resampledMean([of], ["a"], bitsPerByte)!);
  const [low, high] = differenceInterval(x, y);
  // Without the second document 1 bit, with both also (the second adds as many bits to both rows, and no byte).
  near(low, 1);
  near(high, 1);
});

Deno.test("decodeDocumentLosses() gives what encodeDocumentLosses() took", () => {
  const unigramNats = Float64Array.of(1, 2);
  const a = { ...documents([30, 10], [10, 11]), unigramNats };
  const b = { ...documents([15, 2], [10, 9]), unigramNats };
  const decoded = decodeDocumentLosses(encodeDocumentLosses(new Map([["b", b], ["a", a]])));
  assert.deepEqual([...decoded.keys()], ["a", "b"]);
  const { unigramNats: _, ...expected } = a;
  assert.deepEqual(decoded.get("a"), expected);
});
