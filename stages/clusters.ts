/**
 * `clusters.json`: which cluster each document of each source is in, for the stage that finds clusters, the documents that are written by
 * them, and the table that shows them.
 */
import { readFileSync } from "node:fs";

export interface FoundClusters {
  readonly format: 1;
  readonly clusters: number;
  /** Times that the training documents were assigned. */
  readonly iterations: number;
  /** By split and source, the cluster of each document, from 0. */
  readonly splits: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
  /** By split, the adjusted Rand index of clusters and sources. */
  readonly agreement: Readonly<Record<string, number>>;
}

export function readClusters(folder: string): FoundClusters {
  return JSON.parse(readFileSync(`${folder}/clusters.json`, "utf8"));
}
