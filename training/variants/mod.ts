/**
 * Variants by the id that recipes use. An entry names a module that exports `variant(id)`; stages declare it in `uses`,
 * so a change of one variant leaves results of the others fresh.
 *
 * ```ts
 * import { variantModule } from "./mod.ts";
 * const { variant } = await import(variantModule("trim"));
 * console.log(variant("trim").cutsVocabulary); // true
 * ```
 */
import { didYouMean, UsageError } from "../../pipeline/base/mod.ts";

/** What a user can tell of a variant without loading it, for planning. */
export interface VariantEntry {
  readonly module: string;
  readonly vocabulary: "global" | "own";
  /** Whether a trained model has a global embedding: `continue/<variant>/pretrained` exists. */
  readonly sharesEmbeddings: boolean;
}

export const variantTable: Readonly<Record<string, VariantEntry>> = {
  "std-t0": { module: "./std_t0.ts", vocabulary: "global", sharesEmbeddings: true },
  "std-t03": { module: "./std_t03.ts", vocabulary: "global", sharesEmbeddings: true },
  "std-t1": { module: "./std_t1.ts", vocabulary: "global", sharesEmbeddings: true },
  "std-t0-tokens": { module: "./std_t0.ts", vocabulary: "global", sharesEmbeddings: true },
  "std-t03-tokens": { module: "./std_t03.ts", vocabulary: "global", sharesEmbeddings: true },
  "std-t1-tokens": { module: "./std_t1.ts", vocabulary: "global", sharesEmbeddings: true },
  "glob": { module: "./glob.ts", vocabulary: "global", sharesEmbeddings: true },
  "trim": { module: "./trim.ts", vocabulary: "global", sharesEmbeddings: true },
  "spec": { module: "./spec.ts", vocabulary: "global", sharesEmbeddings: false },
  "spec-opt": { module: "./spec_opt.ts", vocabulary: "own", sharesEmbeddings: false },
};

/** The entry of a variant. @throws UsageError for an unknown id. */
export function variantEntry(id: string): VariantEntry {
  if (!Object.hasOwn(variantTable, id)) {
    const known = Object.keys(variantTable);
    throw new UsageError(
      `Cannot use variant "${id}": expected one of ${known.join(", ")}${didYouMean(id, known)}`,
    );
  }
  return variantTable[id];
}

/** Absolute URL of the module that exports the variant. @throws UsageError for an unknown id. */
export function variantModule(id: string): string {
  return new URL(variantEntry(id).module, import.meta.url).href;
}
