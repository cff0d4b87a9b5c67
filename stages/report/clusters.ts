/**
 * Which clusters the documents of each source went to.
 */
import { UsageError } from "../../base/mod.ts";
import { clusteredSources } from "../cluster.ts";
import { readClusters } from "../clusters.ts";
import { partSources } from "../sources.ts";
import type { TableKind } from "./kind.ts";
import type { Table } from "./table.ts";

interface ClustersParams {
  readonly parts: readonly string[];
  readonly method: string;
}

export const kind: TableKind<ClustersParams> = {
  names: ["clusters"],
  needs: "sources that are a part of others' text (docs/sources.md)",
  declare(recipe) {
    const parts = partSources(recipe);
    if (parts.length === 0) {
      throw new UsageError(
        `Cannot make table "clusters": expected sources that are a part of the others' text, found none; ` +
          `give some a number: {part: 1}`,
      );
    }
    return {
      inputs: { clusters: `cluster/${clusteredSources}#clusters` },
      params: { parts, method: recipe.clusters.method },
    };
  },
  build({ parts, method }, inputs): Table {
    const { splits, agreement, iterations } = readClusters(inputs.clusters);
    return {
      name: "clusters",
      title: "Training documents of each source by cluster",
      columns: ["", ...parts],
      rows: Object.entries(splits.train).map(([label, places]) => ({
        label,
        cells: parts.map((_, k) => ({ value: places.filter((place) => place === k).length })),
      })),
      notes: [
        method === "k-means" ? `k-means, ${iterations} assignments` : "drawn",
        `agreement of clusters and sources, adjusted Rand index (1: the same, 0: by chance): ${
          Object.entries(agreement).map(([split, value]) => `${split} ${value.toFixed(3)}`)
            .join(", ")
        }`,
      ],
    };
  },
};
