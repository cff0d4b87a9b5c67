/**
 * What models make of sources that nothing was trained on, from the nearest source to the farthest by its words. Trained sources
 * stand among them.
 */
import {
  readStatistics,
  unigramDivergence,
  type UnigramModel,
  unigramModel,
} from "../../datasets/mod.ts";
import { bitsPerByte, meanMeasure } from "../../training/mod.ts";
import { allSources, sourcesOf } from "../sources.ts";
import { cellOf, decimals } from "./cells.ts";
import { differenceCell, type DifferenceParams, referenceOf } from "./differences.ts";
import { statisticsInputs, type TableKind } from "./kind.ts";
import { afterWhat, lossInputs, lossParams, readDocuments } from "./losses.ts";
import type { Row, Table } from "./table.ts";

type Inputs = Readonly<Record<string, string>>;

export const kind: TableKind<DifferenceParams> = {
  names: ["transfer-pretraining", "transfer-random"],
  declare(recipe, name) {
    const params = lossParams(recipe, name);
    return {
      inputs: {
        ...lossInputs(params),
        ...statisticsInputs("statistics", allSources(recipe), "global"),
      },
      params: { ...params, sources: sourcesOf(recipe), reference: referenceOf(recipe, params) },
    };
  },
  build(params, inputs): Table {
    const { sources, outOfDistribution, variants, external, reference, name } = params;
    const rivals = [...variants, ...external].filter((label) => label !== reference);
    const [theirs, ...ours] = [reference, ...rivals]
      .map((label) => [readDocuments(inputs[`losses/${label}`])]);
    const trained = sources.map((source) => unigramModel(countsOf(inputs, source)));
    const rows = [...sources, ...outOfDistribution].map((source) => ({
      source,
      distance: distanceOf(inputs, source, trained),
    })).sort((a, b) => a.distance - b.distance);
    return {
      name,
      title: `Bits per byte ${
        afterWhat(params)
      } by distance from the trained sources, less those of ${reference}`,
      columns: ["", "distance", reference, ...rivals],
      rows: rows.map(({ source, distance }): Row => ({
        label: outOfDistribution.includes(source) ? `${source} (held out)` : source,
        cells: [
          cellOf(distance, decimals(3)),
          cellOf(meanMeasure(theirs, [source], bitsPerByte) ?? null, decimals(3)),
          ...ours.map((documents) => differenceCell(documents, theirs, [source])),
        ],
      })),
      notes: [
        "distance: bits per byte that the mean of the trained sources' unigram models needs beyond the source's own frequencies",
        `below 0 is better than ${reference}; paired bootstrap over documents: one seed, so no noise of training`,
      ],
      mark: "* its interval excludes 0",
    };
  },
};

function distanceOf(inputs: Inputs, source: string, trained: readonly UnigramModel[]): number {
  const { counts, tokens, bytes } = readStatistics(inputs[`statistics/${source}`]);
  return unigramDivergence(counts, trained) * tokens / bytes / Math.LN2;
}

function countsOf(inputs: Inputs, source: string): Float64Array {
  return readStatistics(inputs[`statistics/${source}`]).counts;
}
