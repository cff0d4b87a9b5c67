/**
 * Makes one table of those that sources keep to themselves, so that a model of SPEC can be used like any other.
 *
 * in   best                 checkpoint of pre-training
 *      tokenizer/<source>   of each source's table; tokenizer: of all sources
 *      statistics/<source>  how often each piece occurs in the source's training text
 * out  model  checkpoint with a global embedding
 *
 * Source: `training/stitching.ts`; DEPT App. F leaves it open.
 */
import { StageError } from "../base/mod.ts";
import type { OutputRef, Stage, StageContext, StageSummary } from "../pipeline/stage.ts";
import { loadTokenizer } from "../tokenizers/mod.ts";
import {
  alignTables,
  averageTables,
  drawEmbedding,
  fillCheckpoint,
  isPieceTable,
  meanTable,
  type NamedTensor,
  nextTick,
  readCheckpoint,
  type SourceTable,
  type StitchedTable,
  type Variant,
  variantNamed,
} from "../training/mod.ts";
import {
  canBeStitched,
  openOwnTables,
  type OwnTable,
  ownTableInputs,
  stitchedVariants,
  whyImpossible,
} from "./own_tables.ts";
import type { Recipe } from "./recipe.ts";

interface StitchParams {
  readonly variant: Variant;
  readonly model: Recipe["model"];
  readonly anchors: number;
}

export const stitch: Stage<Recipe, StitchParams> = {
  name: "stitch",
  description: "Makes one table of those that sources keep to themselves",
  module: import.meta.url,
  instances: (recipe) => stitchedVariants(recipe).map((variant) => [variant]),
  onRequest: (recipe, parts) => parts.length === 1 && canBeStitched(recipe, parts[0]),
  impossible: (recipe, [variant]) => whyImpossible(recipe, variant),
  declare: (recipe, [id]) => ({
    inputs: {
      best: `pretrain/${id}#best`,
      tokenizer: "vocabulary/global#tokenizer",
      ...ownTableInputs(recipe, id),
    } as Record<string, OutputRef>,
    outputs: ["model"],
    params: {
      variant: variantNamed(id).training,
      model: recipe.model,
      anchors: recipe.stitch.anchors,
    },
    seeds: ["stitch/init", "stitch/init/output", "stitch/init/positions"],
    weight: 0.2,
  }),
};

export async function run(
  { params, inputs, outputs, seed }: StageContext<StitchParams>,
): Promise<StageSummary> {
  const { variant, model, anchors } = params;
  const best = readCheckpoint(inputs.best);
  const tables = openOwnTables(variant, best, inputs);
  if (tables.length === 0) {
    throw new StageError(
      `Cannot stitch the tables of ${variant.id}: expected a source that was trained on, found none`,
    );
  }
  const tokenizer = loadTokenizer(inputs.tokenizer);
  const { vocabSize } = tokenizer;
  const names = { pieces: "stitch/init", positions: "stitch/init/positions" };
  const drawn = drawEmbedding(model, vocabSize, seed, names);
  const texts = Array.from({ length: vocabSize }, (_, id) => tokenizer.piece(id));
  const stitched = (name: string): StitchedTable =>
    variant.vocabulary === "own"
      ? alignTables(tables.map((table) => byText(table, name)), texts, drawn[name], anchors)
      : averageTables(tables.map((table) => byId(table, name)), drawn[name]);
  const embedding: Record<string, NamedTensor> = {};
  const summary: Record<string, number> = {};
  for (const name of Object.keys(drawn)) {
    await nextTick();
    if (isPieceTable(name)) {
      const { rows, ...counts } = stitched(name);
      embedding[name] = rows;
      Object.assign(summary, counts);
    } else embedding[name] = meanTable(tables.map(({ tensors }) => tensors[name]));
  }
  fillCheckpoint(outputs.model, {
    groups: { model: { ...best.groups.model, ...embedding } },
    state: { variant: variant.id, vocabulary: "global", model: { ...model, vocabSize } },
  });
  return summary;
}

/** Rows named by the ids of the vocabulary of all sources. */
function byId({ rows: ids, counts, tensors }: OwnTable, name: string): SourceTable {
  return {
    pieces: Array.from(counts, (_, row) => ids?.[row] ?? row),
    counts,
    rows: tensors[name],
  };
}

/** Rows named by the texts of their pieces. */
function byText({ tokenizer, counts, tensors }: OwnTable, name: string): SourceTable {
  return {
    pieces: Array.from(counts, (_, row) => tokenizer.piece(row)),
    counts,
    rows: tensors[name],
  };
}
