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
import { didYouMean, UsageError } from "../../base/mod.ts";

/** What a user can tell of a variant without loading it, for planning. */
export interface VariantEntry {
  readonly module: string;
  readonly vocabulary: "global" | "own";
  /** Whether a trained model has a global embedding: `continue/<variant>/pretrained` exists. */
  readonly sharesEmbeddings: boolean;
  /** What it is in a comparison: DEPT's own, a baseline of the paper, or a control that the tables show beside them. */
  readonly role: "dept" | "baseline" | "control";
  /** Batches of a step, over all workers: |S_t|, or one. */
  readonly batches: "round" | "one";
  /** The only source that it is trained on. */
  readonly onlySource?: string;
}

const std = { vocabulary: "global", sharesEmbeddings: true, role: "baseline" } as const;
const stdTokens = { ...std, role: "control", batches: "round" } as const;
const dept = { vocabulary: "global", role: "dept", batches: "round" } as const;

export const variantTable: Readonly<Record<string, VariantEntry>> = {
  "std-t0": { module: "./std_t0.ts", ...std, batches: "one" },
  "std-t03": { module: "./std_t03.ts", ...std, batches: "one" },
  "std-t1": { module: "./std_t1.ts", ...std, batches: "one" },
  "std-t0-tokens": { module: "./std_t0.ts", ...stdTokens },
  "std-t03-tokens": { module: "./std_t03.ts", ...stdTokens },
  "std-t1-tokens": { module: "./std_t1.ts", ...stdTokens },
  "act": { module: "./act.ts", ...std, batches: "one" },
  "local-sgd": { module: "./local_sgd.ts", ...stdTokens },
  "glob": { module: "./glob.ts", ...dept, sharesEmbeddings: true },
  "trim": { module: "./trim.ts", ...dept, sharesEmbeddings: true },
  "spec": { module: "./spec.ts", ...dept, sharesEmbeddings: false },
  "spec-opt": { module: "./spec_opt.ts", ...dept, vocabulary: "own", sharesEmbeddings: false },
};

const isolatedPrefix = "isolated-";

/** The entry of a variant. @throws UsageError for an unknown id. */
export function variantEntry(id: string): VariantEntry {
  if (id.startsWith(isolatedPrefix) && id.length > isolatedPrefix.length) {
    const onlySource = id.slice(isolatedPrefix.length);
    return { module: "./isolated.ts", ...stdTokens, onlySource };
  }
  if (!Object.hasOwn(variantTable, id)) {
    const known = [...Object.keys(variantTable), `${isolatedPrefix}<source>`];
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
