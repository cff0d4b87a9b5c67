/**
 * Documents as unigram vectors: how often each has every piece, weighted by how few documents have the piece.
 *
 * Source: Salton and Buckley 1988 (tf-idf, cosine normalisation); the smoothed weight ln((1 + N) / (1 + df)) + 1 is scikit-learn's.
 */
import type { SparseVector } from "./balanced_k_means.ts";
import type { TokenShards } from "./token_shards.ts";

/** How often each document of a split has every piece of it, without the end symbols. */
export function pieceCounts(shards: TokenShards): SparseVector[] {
  let start = 0;
  return Array.from(shards.ends, (end) => {
    const counts = new Map<number, number>();
    for (const id of shards.slice(start, end - 1 - start)) {
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    start = end;
    const ids = Int32Array.from(counts.keys()).sort();
    return { ids, values: Float64Array.from(ids, (id) => counts.get(id)!) };
  });
}

/** The weight of each piece by the documents that have it: (V). */
export function pieceWeights(documents: readonly SparseVector[], vocabSize: number): Float64Array {
  const having = new Float64Array(vocabSize);
  for (const { ids } of documents) for (const id of ids) having[id]++;
  return having.map((count) => Math.log((1 + documents.length) / (1 + count)) + 1);
}

/** Counts times weights, of length 1; a document without text stays 0. */
export function weightedVector({ ids, values }: SparseVector, weights: Float64Array): SparseVector {
  const products = values.map((count, at) => count * weights[ids[at]]);
  const length = Math.sqrt(products.reduce((sum, x) => sum + x * x, 0));
  return { ids, values: length === 0 ? products : products.map((x) => x / length) };
}
