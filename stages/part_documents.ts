/**
 * The documents of a source that is a part of the others' text: those of its cluster, source after source.
 */
import {
  type Document,
  type DocumentsReport,
  readDocuments,
  writeDocuments,
} from "../datasets/mod.ts";
import { group, type OutputRef } from "../pipeline/stage.ts";
import { clusteredSources } from "./cluster.ts";
import { readClusters } from "./clusters.ts";
import type { Recipe } from "./recipe.ts";
import { wholeSources } from "./sources.ts";

export interface PartParams {
  readonly kind: "part";
  /** Of the cluster, from 0. */
  readonly cluster: number;
  readonly split: string;
}

export function declarePart(recipe: Recipe, part: number, split: string) {
  const params: PartParams = { kind: "part", cluster: part - 1, split };
  const texts = wholeSources(recipe).map((source): [string, OutputRef] => [
    `text/${source}`,
    `documents/${source}/${split}#documents`,
  ]);
  return {
    params,
    inputs: {
      clusters: `cluster/${clusteredSources}#clusters` as const,
      ...Object.fromEntries(texts),
    },
  };
}

/** Writes them to a folder. @throws StageError where there is none */
export function writePart(
  folder: string,
  inputs: Readonly<Record<string, string>>,
  { cluster, split }: PartParams,
  signal: AbortSignal,
): Promise<DocumentsReport> {
  const places = readClusters(inputs.clusters).splits[split];
  return writeDocuments(folder, chosen());

  async function* chosen(): AsyncGenerator<Document> {
    for (const [source, text] of group(inputs, "text")) {
      let number = 0;
      for await (const document of readDocuments(text)) {
        signal.throwIfAborted();
        if (places[source][number++] !== cluster) continue;
        yield { text: document.text, id: `${source}/${document.id}` };
      }
    }
  }
}
