/**
 * The vocabulary of a run as stages that write text open it: trained here, or a tokenizer of others.
 */
import { UsageError } from "../base/mod.ts";
import type { StageContext } from "../pipeline/stage.ts";
import { loadTokenizer, type TextsTokenizer } from "../tokenizers/mod.ts";
import type { adoptTokenizer, openAdopted } from "../tokenizers/adopted/mod.ts";
import type { Recipe } from "./recipe.ts";
import { importedStart } from "./starting_model.ts";

/**
 * The tokenizer that the global vocabulary is, instead of one that is trained: a path (a `tokenizer.json`, a SentencePiece
 * `.model`, a tokenizer's folder), a URL, or `hf://<owner>/<name>[@revision]/<path>`. Other keys beside it are not used.
 */
export function vocabularyFile({ vocabulary: { global: { file } } }: Recipe): string | undefined {
  if (file === undefined || (typeof file === "string" && file !== "")) return file;
  throw new UsageError(
    `Cannot accept vocabulary.global.file: expected a path or URL of a tokenizer, found ${
      JSON.stringify(file)
    }`,
  );
}

/** Whether the vocabulary of all sources is trained, not one of others. */
export function isTrainedHere(recipe: Recipe): boolean {
  return vocabularyFile(recipe) === undefined && importedStart(recipe) === undefined;
}

/** Whether text may be written by native code: the npm package that a `tokenizer.json` of others needs. */
export function hasNativeVocabulary(recipe: Recipe): boolean {
  if (importedStart(recipe) !== undefined) return true;
  const file = vocabularyFile(recipe);
  return file !== undefined && !file.endsWith(".model");
}

/** What stages use that adopt or open a tokenizer of others; nothing where the vocabulary is trained. */
export interface AdoptedModules {
  readonly vocabulary?: {
    readonly adoptTokenizer: typeof adoptTokenizer;
    readonly openAdopted: typeof openAdopted;
  };
}

/** What a stage `uses` to adopt or open the recipe's tokenizer of others; nothing where the vocabulary is trained. */
export function adoptedModules(recipe: Recipe): { readonly vocabulary?: string } {
  return isTrainedHere(recipe) ? {} : adoptedModule();
}

/** The same for a tokenizer that came with an import. */
export function adoptedModule(): { readonly vocabulary: string } {
  return { vocabulary: import.meta.resolve("../tokenizers/adopted/mod.ts") };
}

/** The tokenizer of a context's input of that name. Disposing ends what a library of others has started. */
export async function openVocabulary(
  { inputs, modules: { vocabulary } }: Pick<
    StageContext<object, object, AdoptedModules>,
    "inputs" | "modules"
  >,
): Promise<TextsTokenizer> {
  if (vocabulary !== undefined) return await vocabulary.openAdopted(inputs.tokenizer);
  return loadTokenizer(inputs.tokenizer);
}
