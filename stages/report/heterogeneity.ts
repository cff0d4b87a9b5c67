/**
 * How much the sources differ: text, tokens, and how much of the global vocabulary each one uses.
 *
 * Source: DEPT App. A.2 (unique tokens of the global vocabulary per source), §3.5 (unigram cross-entropy).
 */
import { readStatistics, type TokenStatistics } from "../../datasets/mod.ts";
import { group } from "../../pipeline/stage.ts";
import { allSources, sourcesWithOwnVocabulary } from "../sources.ts";
import { cellOf, decimals, percent } from "./cells.ts";
import { statisticsInputs, type TableKind } from "./kind.ts";
import type { Cell, Table } from "./table.ts";

type Statistics = TokenStatistics & { readonly counts: Float64Array };

export const kind: TableKind<Record<string, never>> = {
  names: ["heterogeneity"],
  declare: (recipe) => ({
    inputs: {
      ...statisticsInputs("statistics", allSources(recipe), "global"),
      ...statisticsInputs("own", sourcesWithOwnVocabulary(recipe), "own"),
    },
    params: {},
  }),
  build(_params, inputs): Table {
    const read = (prefix: string): Map<string, Statistics> =>
      new Map([...group(inputs, prefix)].map(([name, folder]) => [name, readStatistics(folder)]));
    const sources = read("statistics");
    const own = read("own");
    const owners = ownersOf([...sources.values()]);
    return {
      name: "heterogeneity",
      title: "Training text of each source in the global vocabulary",
      columns: [
        "",
        "documents",
        "MB",
        "tokens",
        "bytes/token",
        "|V_k|",
        "of |V|",
        "only here",
        "byte pieces",
        "unknown",
        "unigram b/B",
        ...(own.size === 0 ? [] : ["own bytes/token", "own unigram b/B"]),
      ],
      rows: [...sources].map(([label, source]) => ({
        label,
        cells: [
          { value: source.documents },
          cellOf(source.bytes / 1e6, decimals(2)),
          { value: source.tokens },
          cellOf(source.bytes / source.tokens, decimals(2)),
          { value: source.distinctTokens },
          cellOf(source.distinctTokens / source.vocabSize, decimals(3)),
          { value: countIds(source, (id) => owners[id] === 1) },
          share(source.fallbackTokens, source.tokens),
          share(source.unknownTokens, source.tokens),
          unigramBits(source),
          ...(own.size === 0 ? [] : ownCells(own.get(label))),
        ],
      })),
      notes: [
        "|V_k|: distinct pieces that occur in the training text; only here: those that no other source has",
        "byte pieces, unknown: share of the training tokens",
        "unigram b/B: bits per byte of validation text, add-one frequencies of the source's training text; own: its own vocabulary",
      ],
    };
  },
};

/** By id: sources in which it occurs. */
function ownersOf(sources: readonly Statistics[]): Int32Array {
  const owners = new Int32Array(sources[0]?.counts.length ?? 0);
  for (const { counts } of sources) counts.forEach((count, id) => owners[id] += count > 0 ? 1 : 0);
  return owners;
}

/** Ids that occur in a source and for which `holds`. */
function countIds({ counts }: Statistics, holds: (id: number) => boolean): number {
  return counts.reduce((n, count, id) => count > 0 && holds(id) ? n + 1 : n, 0);
}

function ownCells(own: Statistics | undefined): Cell[] {
  if (own === undefined) return [{ value: null }, { value: null }]; // out of distribution
  return [cellOf(own.bytes / own.tokens, decimals(2)), unigramBits(own)];
}

function unigramBits({ validation }: TokenStatistics): Cell {
  if (validation === null || validation.bytes === 0) return { value: null };
  const { tokens, bytes, unigramNats } = validation;
  return cellOf(unigramNats * tokens / bytes / Math.LN2, decimals(3));
}

function share(part: number, whole: number): Cell {
  return cellOf(whole === 0 ? 0 : part / whole, percent);
}
