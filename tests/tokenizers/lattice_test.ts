import assert from "node:assert/strict";
import fc from "fast-check";
import type { Lattice } from "../../tokenizers/unigram/lattice.ts";
import { seedOf, segmentations } from "./support.ts";

/** The E-step over all segments. */
function expectAll(
  lattice: Lattice,
  probabilities: Float64Array,
  characterLogProb: number,
  renumbered?: Int32Array,
) {
  const counts = new Float64Array(lattice.size);
  const all = { from: 0, to: lattice.arrays.segmentCounts.length };
  const logLikelihood = lattice.expectRange(
    probabilities,
    characterLogProb,
    all,
    counts,
    renumbered,
  );
  return { counts, logLikelihood };
}

const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);

Deno.test("seedPieces() keeps characters and substrings commoner than their extensions", async () => {
  const { lattice, probabilities } = await seedOf({ abc: 2, abd: 1, ab: 1 });
  const weights = new Map(
    Array.from(probabilities, (p, i) => [lattice.text(i), p] as const).sort(),
  );
  // "ab" 4 times, "abc" 2; "bc" 2; "abd" and "bd" occur once and are left out
  const expected = { a: 4, ab: 8, abc: 6, b: 4, bc: 4, c: 2, d: 1 }; // frequency × length
  const total = sum(Object.values(expected)); // 29
  assert.deepEqual(
    Object.fromEntries(weights),
    Object.fromEntries(Object.entries(expected).map(([text, weight]) => [text, weight / total])),
  );
});

Deno.test("seedPieces() keeps at most seedSize, the highest by frequency times length", async () => {
  const { lattice } = await seedOf({ abc: 2, abd: 1, ab: 1 }, { seedSize: 6 });
  const texts = Array.from({ length: lattice.size }, (_, i) => lattice.text(i)).sort();
  assert.deepEqual(texts, ["a", "ab", "abc", "b", "c", "d"]); // "bc" has 4, "ab" 8, "abc" 6
});

Deno.test("seedPieces() counts segments of any number of occurrences", async () => {
  // a place of 16 bits tells counts up to 2^15 - 1
  const counted = { ab: 32_767, cd: 32_768, ef: 1e12, gh: 3 };
  const { lattice, probabilities } = await seedOf(counted);
  const total = sum(Object.values(counted)) * 4; // two characters, and both together with twice the weight
  for (const [text, count] of Object.entries(counted)) {
    for (const [part, weight] of [[text[0], 1], [text[1], 1], [text, 2]] as const) {
      const seed = Array.from(probabilities, (_, i) => lattice.text(i)).indexOf(part);
      assert.equal(probabilities[seed], count * weight / total, part);
    }
  }
});

Deno.test("seedPieces() takes an alphabet of more characters than 16 bits tell apart", async () => {
  const size = 2 ** 15 + 1;
  const characters = Array.from({ length: size }, (_, i) => String.fromCodePoint(0x20000 + i));
  const words: Record<string, number> = {};
  for (let i = 0; i < size; i += 60) words[characters.slice(i, i + 60).join("")] = 1;
  words[characters[size - 1] + characters[0]] = 70_000;
  const { lattice, probabilities, segments } = await seedOf(words);
  assert.equal(segments.text.BYTES_PER_ELEMENT, 4);
  assert.deepEqual(Array.from({ length: size }, (_, i) => lattice.text(i)), characters);
  assert.equal(lattice.text(size), characters[size - 1] + characters[0]); // the only one that occurs twice
  assert.equal(lattice.size, size + 1);
  const total = size + 4 * 70_000;
  assert.equal(probabilities[0], 70_001 / total);
  assert.equal(probabilities[size], 2 * 70_000 / total);
});

Deno.test("seedPieces() finds what a look at every substring finds", async () => {
  const character = fc.constantFrom("a", "b", "c", "é");
  const word = fc.string({ unit: character, minLength: 1, maxLength: 30 });
  const words = fc.dictionary(word, fc.integer({ min: 1, max: 3 }), { minKeys: 1, maxKeys: 12 });
  const longest = fc.integer({ min: 1, max: 20 });
  await fc.assert(
    fc.asyncProperty(words, longest, async (counted, maxPieceLength) => {
      const frequency = new Map<string, number>();
      for (const [word, count] of Object.entries(counted)) {
        for (let from = 0; from < word.length; from++) {
          for (let to = from + 1; to <= Math.min(word.length, from + maxPieceLength); to++) {
            const substring = word.slice(from, to);
            frequency.set(substring, (frequency.get(substring) ?? 0) + count);
          }
        }
      }
      const isSeed = (text: string, count: number) =>
        text.length === 1 ||
        count > 1 && !["a", "b", "c", "é"].some((next) => frequency.get(text + next) === count);
      const expected = [...frequency].filter(([text, count]) => isSeed(text, count));
      const total = sum(expected.map(([text, count]) => text.length * count));
      const { lattice, probabilities } = await seedOf(counted, { maxPieceLength });
      const texts = Array.from(probabilities, (_, i) => lattice.text(i));
      assert.deepEqual(
        texts.map((text, i) => [text, probabilities[i]]).sort(),
        expected.map(([text, count]) => [text, text.length * count / total]).sort(),
      );
      const longer = texts.filter((text) => text.length > 1);
      assert.deepEqual(longer, longer.toSorted(), "candidates stand in the order of their content");
      assert.equal(lattice.arrays.edges.length, sum(longer.map((text) => placesOf(text, counted))));
    }),
    { seed: 3, numRuns: 200 },
  );

  function placesOf(text: string, counted: Readonly<Record<string, number>>): number {
    const places = (word: string) => Array.from(word).filter((_, i) => word.startsWith(text, i));
    return sum(Object.keys(counted).map((word) => places(word).length));
  }
});

Deno.test("Lattice.expectRange() gives the expectations of a small case worked by hand", async () => {
  const { lattice } = await seedOf({ ab: 3, a: 1, b: 1 }); // candidates a, b, ab
  const p = Float64Array.of(0.5, 0.3, 0.2);
  assert.deepEqual([0, 1, 2].map((i) => lattice.text(i)), ["a", "b", "ab"]);
  const { counts, logLikelihood } = expectAll(lattice, p, -1);
  // "ab": a|b has 0.15, ab 0.2, so a|b is 3/7 of it, three times
  const expected = [9 / 7 + 1, 9 / 7 + 1, 12 / 7];
  counts.forEach((count, i) => assert.ok(Math.abs(count - expected[i]) < 1e-12, `${i}: ${count}`));
  const exact = 3 * Math.log(0.35) + Math.log(0.5) + Math.log(0.3);
  assert.ok(Math.abs(logLikelihood - exact) < 1e-10);
});

Deno.test("Lattice.expectRange() agrees with all segmentations written out", async () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 9 });
  const words = fc.dictionary(word, fc.integer({ min: 1, max: 5 }), { minKeys: 1, maxKeys: 5 });
  await fc.assert(
    fc.asyncProperty(words, async (counted) => {
      const { lattice, probabilities } = await seedOf(counted);
      const texts = Array.from(probabilities, (_, i) => lattice.text(i));
      const probabilityOf = new Map(texts.map((text, i) => [text, probabilities[i]]));
      const expected = new Map(texts.map((text) => [text, 0]));
      let logLikelihood = 0;
      for (const [text, count] of Object.entries(counted)) {
        const ways = segmentations(text, texts);
        const weights = ways.map((way) =>
          way.reduce((p, piece) => p * probabilityOf.get(piece)!, 1)
        );
        const total = sum(weights);
        logLikelihood += count * Math.log(total);
        ways.forEach((way, w) => {
          for (const piece of way) {
            expected.set(piece, expected.get(piece)! + count * weights[w] / total);
          }
        });
      }
      const found = expectAll(lattice, probabilities, -2);
      texts.forEach((text, i) => {
        // rounding of at most a few hundred terms
        assert.ok(Math.abs(found.counts[i] - expected.get(text)!) < 1e-9, text);
      });
      assert.ok(Math.abs(found.logLikelihood - logLikelihood) < 1e-9);
    }),
    { seed: 2, numRuns: 60 },
  );
});

Deno.test("Lattice.expectRange() survives segments that leave the range of a double", async () => {
  const long = "ab".repeat(32); // 64 characters
  const { lattice } = await seedOf({ [long]: 1 }, { maxPieceLength: 1 });
  // 64 characters at 1e-8 and a guess of 1 for each: 1e-512 is no double
  const { counts, logLikelihood } = expectAll(lattice, Float64Array.of(1e-8, 1e-8), 0);
  assert.deepEqual([...counts], [32, 32]);
  assert.ok(Math.abs(logLikelihood - 64 * Math.log(1e-8)) < 1e-9);
});

Deno.test("Lattice.expectRange() does not depend on the order of words", async () => {
  const counted = { abcab: 3, bcabc: 5, cab: 7, aabbc: 2, abc: 11 };
  const orders = [counted, Object.fromEntries(Object.entries(counted).reverse())];
  const expectations = await Promise.all(
    orders.map(async (words) => {
      const { lattice, probabilities } = await seedOf(words);
      const { counts, logLikelihood } = expectAll(lattice, probabilities, -1);
      const named = Array.from(counts, (count, i) => [lattice.text(i), count] as const);
      return { logLikelihood, named: Object.fromEntries(named.sort()) };
    }),
  );
  assert.deepEqual(expectations[0], expectations[1]);
});

Deno.test("Lattice.bestSplit() finds the best way to write a piece without itself", async () => {
  const { lattice } = await seedOf({ abc: 2, ab: 1, bc: 1, a: 1, b: 1, c: 1 });
  const texts = Array.from({ length: lattice.size }, (_, i) => lattice.text(i));
  const split = (probabilities: Record<string, number>) => {
    const into = new Int32Array(64);
    const p = Float64Array.from(texts, (text) => probabilities[text]);
    const n = lattice.bestSplit(texts.indexOf("abc"), p, into);
    return Array.from(into.subarray(0, n), (i) => texts[i]).reverse();
  };
  const rest = { a: 0.25, b: 0.25, c: 0.25, abc: 0.5 };
  assert.deepEqual(split({ ...rest, ab: 0.25, bc: 0.125 }), ["ab", "c"]);
  assert.deepEqual(split({ ...rest, ab: 0.125, bc: 0.25 }), ["a", "bc"]);
  assert.deepEqual(split({ ...rest, ab: 0.01, bc: 0.01 }), ["a", "b", "c"]);
  assert.deepEqual(split({ ...rest, ab: 0.25, bc: 0.25 }), ["a", "bc"]); // a tie: the last piece is the longer
});

Deno.test("Lattice.keep() drops edges and numbers candidates anew", async () => {
  const { lattice } = await seedOf({ ab: 3, a: 1, b: 1 });
  const renumbered = new Int32Array(3);
  lattice.keep(Int32Array.of(0, 1), renumbered);
  assert.deepEqual([...renumbered], [0, 1, -1]);
  const { counts, logLikelihood } = expectAll(lattice, Float64Array.of(0.5, 0.25), -1, renumbered);
  assert.deepEqual(expectAll(lattice, Float64Array.of(0.5, 0.25), -1), { counts, logLikelihood });
  assert.deepEqual([...counts], [4, 4]);
  assert.ok(Math.abs(logLikelihood - 4 * Math.log(0.125)) < 1e-10);
});
