/**
 * Ways to use a model whose sources keep their tables (SPEC) on text of which nobody says the source.
 *
 * Source: DEPT App. F leaves the inference of SPEC open.
 */
import { UsageError } from "../../base/mod.ts";
import type { OutputRef } from "../../pipeline/stage.ts";
import { variantTable } from "../../training/mod.ts";
import { stitchedStart, stitchedVariants, stitchingEnd } from "../own_tables.ts";
import type { Recipe } from "../recipe.ts";
import { sourcesOf } from "../sources.ts";
import type { TableKind } from "./kind.ts";
import { lossCells, lossColumns, readSummary } from "./losses.ts";
import type { Table } from "./table.ts";

export const needs = `continue.starts=[random,${stitchedStart}]`;

/** The ways, and the losses of each. */
const ways: readonly (readonly [label: string, losses: (id: string) => OutputRef])[] = [
  ["random, continued", (id) => `evaluate/${id}/random#losses`],
  ["stitched", (id) => `evaluate/${id}/${stitchingEnd}#losses`],
  ["stitched, continued", (id) => `evaluate/${id}/${stitchedStart}#losses`],
  ["routed", (id) => `route/${id}#routed`],
  ["true source", (id) => `route/${id}#own`],
];

interface InferenceParams {
  readonly rows: readonly string[];
  readonly sources: readonly string[];
  readonly outOfDistribution: readonly string[];
}

export const kind: TableKind<InferenceParams> = {
  names: ["inference"],
  needs,
  declare(recipe) {
    const losses = stitchedIn(recipe, "inference").flatMap((id) =>
      ways.filter(([label]) =>
        label !== "random, continued" || recipe.continue.starts.includes("random")
      )
        .map(([label, output]): [string, OutputRef] => [`${id}: ${label}`, output(id)])
    );
    const { outOfDistribution } = recipe;
    return {
      inputs: Object.fromEntries(losses.map(([row, output]) => [`losses/${row}`, output])),
      params: { rows: losses.map(([row]) => row), sources: sourcesOf(recipe), outOfDistribution },
    };
  },
  build({ rows, ...sources }, inputs): Table {
    return {
      name: "inference",
      title: "Bits per byte where nobody says the source",
      columns: lossColumns(sources),
      rows: rows.map((label) => {
        const summary = readSummary(inputs[`losses/${label}`]);
        return {
          label,
          from: [`losses/${label}`],
          cells: lossCells(
            sources,
            (source) =>
              source in summary
                ? {
                  value: summary[source].bitsPerByte,
                  interval: summary[source].bitsPerByteInterval,
                }
                : undefined,
          ),
        };
      }),
      notes: [
        "random: new embeddings for all sources; stitched: one table of those that sources have; continued: on the mixture of all sources",
        "routed: each document by the table of the source whose counts of pieces tell it in the fewest bits; true source: by its own table",
        "a stitched table predicts among the whole vocabulary, a routed text among the pieces of its table",
      ],
    };
  },
};

/** @throws UsageError where the recipe has none, or asks for no table of theirs */
export function stitchedIn(recipe: Recipe, name: string): readonly string[] {
  const variants = stitchedVariants(recipe);
  if (variants.length > 0) return variants;
  const { continue: { starts }, pretrain } = recipe;
  if (!starts.includes(stitchedStart)) {
    throw new UsageError(
      `Cannot make table "${name}": expected "${stitchedStart}" among continue.starts, found ${
        starts.join(", ")
      }; run with --set ${needs}`,
    );
  }
  const possible = Object.keys(variantTable).filter((id) =>
    !variantTable[id].training.sharesEmbeddings
  );
  throw new UsageError(
    `Cannot make table "${name}": expected one of ${
      possible.join(", ")
    } among pretrain.variants, found ${pretrain.variants.join(", ")}`,
  );
}
