/**
 * `pretrain.from`: the model that pre-training goes on from, in place of new parameters. A model of another cell of the recipe's study
 * (`@time=before`: there the same variant; `pretrain/std-t0@time=before`: another one), or an import (`external/pythia`).
 *
 * With an import the recipe's global vocabulary is the import's own.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../base/mod.ts";
import type { OutputRef } from "../pipeline/stage.ts";
import {
  readCheckpoint,
  type StartingModel,
  trainsBySource,
  variantNamed,
  whyOtherNetwork,
} from "../training/mod.ts";
import { isExternal } from "./external_models.ts";
import type { Recipe } from "./recipe.ts";

type Inputs = Readonly<Record<string, string>>;
type WithStart = Pick<Recipe, "pretrain">;

/** The import that a recipe goes on from, as `external/<name>`. */
export function importedStart({ pretrain: { from } }: WithStart): `external/${string}` | undefined {
  return from !== null && isExternal(from) ? from as `external/${string}` : undefined;
}

/** The variant of another cell that a recipe names to go on from; undefined where it is the same one. */
export function namedStart({ pretrain: { from } }: WithStart): string | undefined {
  return from?.startsWith("pretrain/")
    ? from.slice("pretrain/".length, from.indexOf("@"))
    : undefined;
}

/** Inputs of `pretrain/<id>`: the model that it goes on from, and both tokenizers of all sources, for comparison. */
export function startInputs(recipe: Recipe, id: string): Readonly<Record<string, OutputRef>> {
  const { from } = recipe.pretrain;
  if (from === null) return {};
  const imported = importedStart(recipe);
  if (imported !== undefined) return { from: `${imported}#model` };
  const tokenizers: Readonly<Record<string, OutputRef>> =
    variantNamed(id).training.vocabulary === "own" ? {} : {
      "tokenizer/here": "vocabulary/global#tokenizer",
      "tokenizer/from": `vocabulary/global${cellOf(from)}#tokenizer`,
    };
  return {
    from: `pretrain/${namedStart(recipe) ?? id}${cellOf(from)}#best`,
    ...tokenizers,
  };
}

/** The evaluation, at the end of pre-training, of the model that a variant goes on from. */
export function startLosses(recipe: Recipe, id: string): OutputRef {
  const imported = importedStart(recipe);
  return imported !== undefined
    ? `evaluate/${imported}/pretraining#losses`
    : `evaluate/${namedStart(recipe) ?? id}/pretraining${cellOf(recipe.pretrain.from!)}#losses`;
}

/** What trains of a run that goes on: nothing where it begins, or where no table is a source's own to train. */
export function joiningOf(
  { pretrain: { from, joining } }: WithStart,
  id: string,
): { readonly joining?: Recipe["pretrain"]["joining"] } {
  return from !== null && trainsBySource(variantNamed(id).training) ? { joining } : {};
}

/** Tokens that sources read before the first round: who joins a cell's model is not known before, so one is reckoned with. */
export function joiningTokens(recipe: Recipe, id: string, sources: number): number {
  const { steps } = joiningOf(recipe, id).joining ?? { steps: 0 };
  const joiners = importedStart(recipe) === undefined ? 1 : sources;
  return steps * joiners * recipe.pretrain.batchSize * recipe.model.seqLen;
}

function cellOf(from: string): string {
  return from.slice(from.indexOf("@"));
}

/**
 * Looks at what is there of the model before anything trains: an import's network, and whether tokenizers are the same.
 * @throws UsageError
 */
export function checkStart(inputs: Inputs, model: Recipe["model"]): void {
  const here = inputs["tokenizer/here"];
  const there = inputs["tokenizer/from"];
  if (here !== undefined && there !== undefined && !areSame(here, there)) {
    throw new UsageError(
      "Cannot go on from the model of pretrain.from: expected the tokenizer that it was trained with, found another one; " +
        "name the sources of its cell in vocabulary.sources, so that sources that join do not change the tokenizer",
    );
  }
  if (inputs.from === undefined) return;
  const { state } = readCheckpoint<StartingModel["state"]>(inputs.from);
  const why = whyOtherNetwork(state.model, model);
  if (why !== undefined) throw new UsageError(why);
}

/** Whether two folders hold the same bytes under the same names. */
function areSame(a: string, b: string): boolean {
  const [names, others] = [a, b].map((folder) =>
    [...Deno.readDirSync(folder)].map(({ name }) => name).sort()
  );
  return names.join() === others.join() &&
    names.every((name) => readFileSync(join(a, name)).equals(readFileSync(join(b, name))));
}
