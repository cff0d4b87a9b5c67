/**
 * Clusters of documents: assignments against all there are, vectors and agreement by hand.
 */
import assert from "node:assert/strict";
import { Random, seedOf } from "../../base/mod.ts";
import {
  assignBalanced,
  balancedKMeans,
  type SparseVector,
  squaredDistances,
} from "../../datasets/balanced_k_means.ts";
import { pieceCounts, pieceWeights, weightedVector } from "../../datasets/document_vectors.ts";
import { adjustedRandIndex, tokenList } from "../../datasets/mod.ts";

/** The least cost of all assignments in which no cluster holds more than its share. */
function leastCost(costs: Float64Array, clusters: number): number {
  const count = costs.length / clusters;
  const free = new Array(clusters).fill(Math.ceil(count / clusters));
  const best = (item: number): number => {
    if (item === count) return 0;
    let least = Infinity;
    for (let cluster = 0; cluster < clusters; cluster++) {
      if (free[cluster] === 0) continue;
      free[cluster]--;
      least = Math.min(least, costs[item * clusters + cluster] + best(item + 1));
      free[cluster]++;
    }
    return least;
  };
  return best(0);
}

Deno.test("assignBalanced() finds the cheapest of all assignments with so many places", () => {
  const random = new Random(seedOf(17, "clusters_test"));
  for (const [count, clusters] of [[6, 2], [7, 3], [9, 3], [8, 4], [3, 3], [5, 1]]) {
    for (let trial = 0; trial < 40; trial++) {
      // Few different costs, so that many assignments are equally cheap.
      const draw = () => trial % 2 === 0 ? random.below(4) : random.float64();
      const costs = Float64Array.from({ length: count * clusters }, draw);
      const assignment = assignBalanced(costs, clusters);
      const sizes = new Array(clusters).fill(0);
      assignment.forEach((cluster) => sizes[cluster]++);
      assert.ok(Math.max(...sizes) <= Math.ceil(count / clusters), `${sizes}`);
      const total = assignment.reduce((sum, k, item) => sum + costs[item * clusters + k], 0);
      const least = leastCost(costs, clusters);
      assert.ok(Math.abs(total - least) < 1e-9, `${count} in ${clusters}: ${total}, ${least}`);
    }
  }
});

const point = (x: number, y: number): SparseVector => ({
  ids: Int32Array.of(0, 1),
  values: Float64Array.of(x, y),
});

Deno.test("balancedKMeans() parts what lies apart, in equal shares, and gives the means", () => {
  const vectors = [point(0, 0), point(10, 0), point(0, 1), point(10, 1), point(0, 2), point(9, 0)];
  for (const seed of ["a", "b", "c"]) {
    const { assignment, centroids, iterations } = balancedKMeans(vectors, {
      ...{ dimensions: 2, clusters: 2, iterations: 20 },
      random: new Random(seedOf(17, seed)),
    });
    const [left, right] = [assignment[0], assignment[1]];
    assert.deepEqual([...assignment], [left, right, left, right, left, right]);
    assert.deepEqual([...centroids[left]], [0, 1]);
    assert.deepEqual([...centroids[right]], [29 / 3, 1 / 3]);
    assert.ok(iterations < 20);
  }
  // Four lie at the left, yet a cluster has three places: the one nearest to the right goes there.
  const uneven = [point(0, 0), point(0, 1), point(0, 2), point(3, 0), point(10, 0), point(10, 1)];
  const { assignment } = balancedKMeans(uneven, {
    ...{ dimensions: 2, clusters: 2, iterations: 20 },
    random: new Random(seedOf(17, "a")),
  });
  assert.equal(assignment[3], assignment[4]);
  assert.throws(
    () =>
      balancedKMeans(vectors.slice(0, 1), {
        ...{ dimensions: 2, clusters: 2, iterations: 20 },
        random: new Random(seedOf(17, "a")),
      }),
    RangeError,
  );
});

Deno.test("squaredDistances() are those of the plane", () => {
  const found = squaredDistances([point(3, 4), point(1, 1)], [
    Float64Array.of(0, 0),
    Float64Array.of(1, 1),
  ]);
  assert.deepEqual([...found], [25, 13, 2, 0]);
});

Deno.test("documents as vectors: counts of pieces by how few documents have them, of length 1", () => {
  const text = tokenList([[5, 6, 5], [6, 7], [6]].map((ids) => Int32Array.from(ids)), {
    ...{ endId: 2, vocabSize: 8, bytes: 0 },
  });
  const counts = pieceCounts(text);
  assert.deepEqual(counts.map(({ ids, values }) => [[...ids], [...values]]), [
    [[5, 6], [2, 1]],
    [[6, 7], [1, 1]],
    [[6], [1]],
  ]);
  const weights = pieceWeights(counts, 8);
  // 5 and 7 are in one of three documents, 6 in all.
  const rare = Math.log(4 / 2) + 1;
  assert.ok(Math.abs(weights[5] - rare) < 1e-15 && Math.abs(weights[6] - 1) < 1e-15);
  const { values } = weightedVector(counts[0], weights);
  const length = Math.hypot(2 * rare, 1);
  assert.ok(Math.abs(values[0] - 2 * rare / length) < 1e-15);
  assert.ok(Math.abs(values[1] - 1 / length) < 1e-15);
});

Deno.test("adjustedRandIndex() is what counting pairs by hand gives", () => {
  assert.equal(adjustedRandIndex([1, 1, 2, 2], [7, 7, 3, 3]), 1);
  // Of 15 pairs 2 · 3 = 6 are together in a, 3 in b; expected 6 · 3 / 15 in both, at most (6 + 3) / 2.
  const [a, b] = [[0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 2, 2]];
  const together = 2; // (0, 1) and (4, 5)
  assert.ok(Math.abs(adjustedRandIndex(a, b) - (together - 1.2) / (4.5 - 1.2)) < 1e-15);
  assert.ok(adjustedRandIndex([0, 0, 1, 1], [0, 1, 0, 1]) < 0);
  assert.equal(adjustedRandIndex([0, 0], [4, 4]), 1);
  assert.throws(() => adjustedRandIndex([0], []), RangeError);
});
