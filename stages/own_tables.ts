/**
 * What a variant without a shared table leaves of each source: its table, its tokenizer, its counts. For stages that make one model of
 * them all.
 */
import { localVocabulary, readStatistics } from "../datasets/mod.ts";
import { group, type OutputRef } from "../pipeline/stage.ts";
import { cutTokenizer, loadTokenizer, type UnigramTokenizer } from "../tokenizers/mod.ts";
import {
  type Checkpoint,
  sourceVocabulary,
  type Tensors,
  type Variant,
  variantNamed,
} from "../training/mod.ts";
import type { Recipe } from "./recipe.ts";
import { sourcesOf } from "./sources.ts";
import { isTrainedHere } from "./vocabulary_file.ts";

type Inputs = Readonly<Record<string, string>>;

/** A source's own part of a model. */
export interface OwnTable {
  readonly source: string;
  /** Its ids are rows of the table. */
  readonly tokenizer: UnigramTokenizer;
  /** Of the ids that the table was cut to; undefined where it is whole. */
  readonly rows: Int32Array | undefined;
  /** How often its training text has each row's piece. */
  readonly counts: Float64Array;
  /** Its `embedding.*`. */
  readonly tensors: Tensors;
}

/** The start of continuation, and the models, of a table that is stitched. */
export const stitchedStart = "stitched";

/** What is evaluated of it before any continuation. */
export const stitchingEnd = "stitching";

/** The variants whose sources keep their tables, where the recipe asks for one table of them all. */
export function stitchedVariants(recipe: Recipe): readonly string[] {
  if (!recipe.continue.starts.includes(stitchedStart)) return [];
  return recipe.pretrain.variants.filter((id) => whyNotStitched(recipe, id) === undefined);
}

/** Why sources' tables of a variant cannot become one, else undefined. */
export function whyNotStitched(recipe: Recipe, id: string): string | undefined {
  if (variantNamed(id).training.sharesEmbeddings) {
    return `${id} ends with a global embedding: there is nothing to stitch`;
  }
  return isTrainedHere(recipe)
    ? undefined
    : `${id} cannot be stitched: expected a vocabulary that was trained here, found one of others`;
}

/** Whether stages that make one model of sources' tables have an instance of a variant, also where the recipe does not list it. */
export function canBeStitched(recipe: Recipe, id: string): boolean {
  return recipe.pretrain.variants.includes(id) && whyNotStitched(recipe, id) === undefined;
}

/** Why such a stage can have no instance of a variant that the recipe trains, else undefined. */
export function whyImpossible(recipe: Recipe, id: string): string | undefined {
  return recipe.pretrain.variants.includes(id) ? whyNotStitched(recipe, id) : undefined;
}

/** Inputs for `openOwnTables`. */
export function ownTableInputs(recipe: Recipe, id: string): Readonly<Record<string, OutputRef>> {
  const { vocabulary } = variantNamed(id).training;
  const sources = sourcesOf(recipe);
  const tokenizer = (source: string) => vocabulary === "own" ? source : "global";
  return Object.fromEntries(sources.flatMap((source): [string, OutputRef][] => [
    [`tokenizer/${source}`, `vocabulary/${tokenizer(source)}#tokenizer`],
    [`statistics/${source}`, `tokenize/${source}/${vocabulary}#statistics`],
  ]));
}

/** The tables of the sources that were drawn, in the order of their names. */
export function openOwnTables(
  variant: Variant,
  { groups }: Checkpoint,
  inputs: Inputs,
): readonly OwnTable[] {
  return [...group(inputs, "statistics")].flatMap(([source, statistics]) => {
    const tensors = groups[`local-${source}`];
    if (tensors === undefined) return []; // it was never drawn
    const whole = loadTokenizer(inputs[`tokenizer/${source}`]);
    const { counts, vocabSize, reservedPieces } = readStatistics(statistics);
    const { rows } = sourceVocabulary(variant, {
      vocabSize,
      localVocabulary: localVocabulary(counts, reservedPieces),
    });
    return [{
      source,
      tokenizer: rows === undefined ? whole : cutTokenizer(whole, rows),
      rows,
      counts: rows === undefined ? counts : Float64Array.from(rows, (id) => counts[id]),
      tensors,
    }];
  });
}
