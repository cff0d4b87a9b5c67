/**
 * Clusters of vectors that hold equally many: k-means whose every assignment is the cheapest one with so few places in each cluster.
 *
 * Source: Malinen and Fränti 2014, "Balanced K-Means for Clustering" (the assignment as a problem of matching); used on documents as
 * c-BTM (arXiv 2303.14177). Start: k-means++ (Arthur and Vassilvitskii 2007).
 */
import type { Random } from "../base/mod.ts";

/** A vector by the places where it is not 0. */
export interface SparseVector {
  /** Ascending. */
  readonly ids: Int32Array;
  readonly values: Float64Array;
}

export interface Clusters {
  /** Of each vector, from 0. */
  readonly assignment: Int32Array;
  /** Means of the clusters' vectors. */
  readonly centroids: readonly Float64Array[];
  /** Times that all vectors were assigned. */
  readonly iterations: number;
}

/**
 * Clusters vectors until nothing moves, or for so many iterations. Each cluster holds at most ⌈n / `clusters`⌉.
 *
 * @param dimensions Length of the vectors; all ids are below it.
 * @param random For the first centroids alone.
 * @throws RangeError for fewer vectors than clusters
 */
export function balancedKMeans(
  vectors: readonly SparseVector[],
  { dimensions, clusters, iterations, random }: {
    readonly dimensions: number;
    readonly clusters: number;
    readonly iterations: number;
    readonly random: Random;
  },
): Clusters {
  if (vectors.length < clusters) {
    throw new RangeError(
      `Cannot make ${clusters} clusters: expected as many vectors, found ${vectors.length}`,
    );
  }
  let centroids = firstCentroids(vectors, clusters, dimensions, random);
  let assignment: Int32Array = new Int32Array(vectors.length).fill(-1);
  for (let iteration = 1;; iteration++) {
    const next = assignBalanced(squaredDistances(vectors, centroids), clusters);
    const isSettled = next.every((cluster, i) => cluster === assignment[i]);
    assignment = next;
    centroids = meansOf(vectors, assignment, clusters, dimensions);
    if (isSettled || iteration === iterations) {
      return { assignment, centroids, iterations: iteration };
    }
  }
}

/** Squared distance of each vector to each centroid: (n, K), row by row. */
export function squaredDistances(
  vectors: readonly SparseVector[],
  centroids: readonly Float64Array[],
): Float64Array {
  const squares = centroids.map((centroid) => centroid.reduce((sum, x) => sum + x * x, 0));
  const distances = new Float64Array(vectors.length * centroids.length);
  vectors.forEach(({ ids, values }, i) => {
    const square = values.reduce((sum, x) => sum + x * x, 0);
    centroids.forEach((centroid, k) => {
      let product = 0;
      for (let at = 0; at < ids.length; at++) product += values[at] * centroid[ids[at]];
      // Rounding may leave a little less than nothing.
      distances[i * centroids.length + k] = Math.max(0, square + squares[k] - 2 * product);
    });
  });
  return distances;
}

/** Gains below this are rounding: without it a round of swaps that cost nothing could go on for ever. */
const least = 1e-12;

/**
 * The assignment of least total cost in which no cluster holds more than ⌈n / K⌉. Exact: documents come one by one, and each takes
 * the cheapest way to a free place, along which others may move from cluster to cluster (successive shortest paths). Time grows as n².
 *
 * @param costs (n, K), row by row.
 */
export function assignBalanced(costs: Float64Array, clusters: number): Int32Array {
  const count = costs.length / clusters;
  const capacity = Math.ceil(count / clusters);
  const assignment = new Int32Array(count);
  const members: number[][] = Array.from({ length: clusters }, () => []);
  /** The cheapest move from cluster a to b, and who makes it: (K, K). */
  const moveCost = new Float64Array(clusters * clusters).fill(Infinity);
  const mover = new Int32Array(clusters * clusters);
  const cost = (item: number, cluster: number) => costs[item * clusters + cluster];

  /** Looks at a member of cluster a as the one who leaves it. */
  function offer(a: number, item: number): void {
    for (let b = 0; b < clusters; b++) {
      const moved = cost(item, b) - cost(item, a);
      if (moved >= moveCost[a * clusters + b]) continue;
      moveCost[a * clusters + b] = moved;
      mover[a * clusters + b] = item;
    }
  }

  function put(item: number, cluster: number): void {
    members[cluster].push(item);
    assignment[item] = cluster;
  }

  for (let item = 0; item < count; item++) {
    const path = cheapestPath(item);
    const left = new Set<number>();
    // From the free place back to the newcomer: each makes room for the one before.
    for (let at = path.length - 1; at > 0; at--) {
      const [from, to] = [path[at - 1], path[at]];
      const moved = mover[from * clusters + to];
      members[from].splice(members[from].indexOf(moved), 1);
      put(moved, to);
      left.add(from).add(to);
    }
    put(item, path[0]);
    if (left.size === 0) offer(path[0], item);
    for (const cluster of left) {
      moveCost.fill(Infinity, cluster * clusters, (cluster + 1) * clusters);
      for (const member of members[cluster]) offer(cluster, member);
    }
  }
  return assignment;

  /** Clusters from the one that the newcomer goes to, to one with a free place (Bellman and Ford). Of equals the first. */
  function cheapestPath(item: number): readonly number[] {
    const way = Float64Array.from({ length: clusters }, (_, cluster) => cost(item, cluster));
    const before = new Int32Array(clusters).fill(-1);
    for (let changed = true; changed;) {
      changed = false;
      for (let a = 0; a < clusters; a++) {
        for (let b = 0; b < clusters; b++) {
          const through = way[a] + moveCost[a * clusters + b];
          if (a === b || !(through < way[b] - least)) continue;
          way[b] = through;
          before[b] = a;
          changed = true;
        }
      }
    }
    let end = -1;
    for (let cluster = 0; cluster < clusters; cluster++) {
      const isFree = members[cluster].length < capacity;
      if (isFree && (end < 0 || way[cluster] < way[end])) end = cluster;
    }
    const path = [end];
    while (before[path[0]] >= 0) path.unshift(before[path[0]]);
    return path;
  }
}

/** Vectors far from each other: the first drawn among all, each next in proportion to its squared distance from those drawn. */
function firstCentroids(
  vectors: readonly SparseVector[],
  clusters: number,
  dimensions: number,
  random: Random,
): Float64Array[] {
  const centroids = [dense(vectors[random.below(vectors.length)], dimensions)];
  const nearest = squaredDistances(vectors, centroids);
  while (centroids.length < clusters) {
    centroids.push(dense(vectors[random.weighted(nearest)], dimensions));
    squaredDistances(vectors, centroids.slice(-1))
      .forEach((distance, i) => nearest[i] = Math.min(nearest[i], distance));
  }
  return centroids;
}

function dense({ ids, values }: SparseVector, dimensions: number): Float64Array {
  const found = new Float64Array(dimensions);
  ids.forEach((id, at) => found[id] = values[at]);
  return found;
}

/** Sums go in the order of the vectors. */
function meansOf(
  vectors: readonly SparseVector[],
  assignment: Int32Array,
  clusters: number,
  dimensions: number,
): Float64Array[] {
  const sums = Array.from({ length: clusters }, () => new Float64Array(dimensions));
  const counts = new Float64Array(clusters);
  vectors.forEach(({ ids, values }, i) => {
    counts[assignment[i]]++;
    for (let at = 0; at < ids.length; at++) sums[assignment[i]][ids[at]] += values[at];
  });
  return sums.map((sum, k) => counts[k] === 0 ? sum : sum.map((x) => x / counts[k]));
}
