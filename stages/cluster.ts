/**
 * Finds groups of documents that have the same pieces, where nobody says the sources: sources that a recipe calls parts of the others'
 * text are these groups. Each holds equally many documents of each split.
 *
 * Groups are found on training documents; those of the other splits go to the groups whose means they are nearest to, with as many
 * places in each, so that every part has text to validate and to test.
 *
 * in   train/<source>, validation/<source>, test/<source>  token shards of the global vocabulary
 * out  clusters  `clusters.json`: the group of each document, and how far groups and given sources agree
 *
 * Source: `datasets/balanced_k_means.ts`, `datasets/document_vectors.ts`; c-BTM (arXiv 2303.14177) clusters a corpus so.
 */
import { Random, StageError, writeFileSynced } from "../base/mod.ts";
import {
  adjustedRandIndex,
  assignBalanced,
  balancedKMeans,
  openTokenShards,
  pieceCounts,
  pieceWeights,
  type SparseVector,
  squaredDistances,
  weightedVector,
} from "../datasets/mod.ts";
import { group, type Stage, type StageContext, type StageSummary } from "../pipeline/stage.ts";
import { nextTick } from "../training/mod.ts";
import type { FoundClusters } from "./clusters.ts";
import type { Recipe } from "./recipe.ts";
import { partSources, wholeSources } from "./sources.ts";
import { tokenShards } from "./training_inputs.ts";

type ClusterParams = Recipe["clusters"] & { readonly clusters: number };

const splits = ["train", "validation", "test"] as const;
const startSeed = "cluster/start";

/** The one instance. */
export const clusteredSources = "sources";

export const cluster: Stage<Recipe, ClusterParams> = {
  name: "cluster",
  description: "Finds groups of documents to train on where nobody says the sources",
  module: import.meta.url,
  instances: (recipe) => partSources(recipe).length === 0 ? [] : [[clusteredSources]],
  declare: (recipe) => ({
    inputs: tokenShards(splits, wholeSources(recipe), "global"),
    outputs: ["clusters"],
    params: { ...recipe.clusters, clusters: partSources(recipe).length },
    seeds: [startSeed],
    weight: 0.3,
  }),
};

/** The documents of a split, source after source. */
interface Split {
  readonly sources: readonly string[];
  /** The number of each document's source. */
  readonly ofSource: readonly number[];
  readonly counts: readonly SparseVector[];
}

export async function run(
  { params, inputs, outputs, seed, log, signal }: StageContext<ClusterParams>,
): Promise<StageSummary> {
  const { clusters, method, iterations: most } = params;
  const random = new Random(seed(startSeed));
  const { vocabSize, ...training } = readSplit(inputs, "train");
  if (training.counts.length < clusters) {
    throw new StageError(
      `Cannot find ${clusters} clusters: expected as many documents, found ${training.counts.length}`,
    );
  }
  const weights = pieceWeights(training.counts, vocabSize);
  const vectors = (counts: readonly SparseVector[]) =>
    counts.map((count) => weightedVector(count, weights));
  const found = method === "k-means"
    ? balancedKMeans(vectors(training.counts), {
      ...{ dimensions: vocabSize, clusters, iterations: most, random },
    })
    : undefined;
  await nextTick();
  signal.throwIfAborted();
  const assignments = splits.map((split) => {
    const { sources, ofSource, counts } = split === "train" ? training : readSplit(inputs, split);
    const assignment = found === undefined
      ? drawn(counts.length, clusters, random)
      : split === "train"
      ? found.assignment
      : assignBalanced(squaredDistances(vectors(counts), found.centroids), clusters);
    const bySource = sources.map((source, k) =>
      [source, [...assignment].filter((_, i) => ofSource[i] === k)] as const
    );
    return {
      split,
      bySource: Object.fromEntries(bySource),
      agreement: adjustedRandIndex(assignment, ofSource),
    };
  });
  const result: FoundClusters = {
    format: 1,
    clusters,
    iterations: found?.iterations ?? 0,
    splits: Object.fromEntries(assignments.map(({ split, bySource }) => [split, bySource])),
    agreement: Object.fromEntries(assignments.map(({ split, agreement }) => [split, agreement])),
  };
  writeFileSynced(`${outputs.clusters}/clusters.json`, JSON.stringify(result) + "\n");
  if (found?.iterations === most) log.warn("documents still moved", { iterations: most });
  return { documents: training.counts.length, agreement: result.agreement.train };
}

function readSplit(
  inputs: Readonly<Record<string, string>>,
  split: string,
): Split & { readonly vocabSize: number } {
  const counts: SparseVector[] = [];
  const ofSource: number[] = [];
  const folders = [...group(inputs, split)];
  let vocabSize = 0;
  folders.forEach(([_, folder], k) => {
    const shards = openTokenShards(folder);
    try {
      vocabSize = shards.vocabSize;
      const own = pieceCounts(shards);
      counts.push(...own);
      ofSource.push(...own.map(() => k));
    } finally {
      shards.close();
    }
  });
  return { sources: folders.map(([source]) => source), ofSource, counts, vocabSize };
}

/** Groups of the same sizes, drawn. */
function drawn(count: number, clusters: number, random: Random): Int32Array {
  const order = random.shuffle(Array.from({ length: count }, (_, i) => i));
  const assignment = new Int32Array(count);
  order.forEach((document, i) => assignment[document] = i % clusters);
  return assignment;
}
