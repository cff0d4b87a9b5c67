/**
 * The table of variants: a row has every fact about a variant that any code needs.
 *
 * A row's `training` enters the key of what is trained with it, and nothing else of the row does. So a new row, or another word
 * in a row, leaves the results of other variants fresh.
 *
 * ```ts
 * import { variantNamed } from "./variants.ts";
 * console.log(variantNamed("trim").training.cutsVocabulary); // true
 * ```
 */
import { didYouMean, UsageError } from "../base/mod.ts";
import type { Variant } from "./variant.ts";

interface VariantRow {
  /** What it does, in one line. */
  readonly meaning: string;
  /** Where it comes from. */
  readonly source: string;
  /** In a comparison: DEPT's own, a baseline of the paper, or a control that tables show beside both. */
  readonly role: "method" | "baseline" | "control";
  /** The row of the cost formulas that it belongs to. */
  readonly costMethod: string;
  /** What training does. */
  readonly training: Omit<Variant, "id">;
}

/** A row by a name that recipes use. */
interface NamedVariant extends VariantRow {
  readonly training: Variant;
  /** The only source that it is trained on: what stands for `<source>` in its name. */
  readonly onlySource?: string;
}

/** The whole model has one global vocabulary, and all of it is shared. */
const whole = { vocabulary: "global", cutsVocabulary: false, sharesEmbeddings: true } as const;

/** One model on a mixture of all sources, p ∝ n^τ, with as many steps as DEPT or with as many tokens. */
const std = (tau: number, meaning: string): VariantRow => ({
  meaning: `one model on a mixture of all sources, ${meaning}: as many sequential steps as DEPT`,
  source: "DEPT §3.2",
  role: "baseline",
  costMethod: "std",
  training: { ...whole, mixture: { tau, budget: "steps" } },
});
const stdTokens = (tau: number, sameAs: string): VariantRow => ({
  meaning: `as ${sameAs}, with |S_t| batches a step: as many tokens as DEPT sees`,
  source: "DEPT §3.2",
  role: "control",
  costMethod: "std",
  training: { ...whole, mixture: { tau, budget: "tokens-by-batch" } },
});
const stdSteps = (tau: number, sameAs: string): VariantRow => ({
  meaning:
    `as ${sameAs}, with |S_t| times the steps, warm-up included: as many tokens as DEPT sees`,
  source: "not in the paper",
  role: "control",
  costMethod: "std",
  training: { ...whole, mixture: { tau, budget: "tokens-by-steps" } },
});

/** By the id that users type, where `<source>` stands for a source's name; in the order of the paper's Table 9. */
export const variantTable: Readonly<Record<string, VariantRow>> = {
  "std-t0": std(0, "uniform over sources"),
  "std-t03": std(0.3, "p ∝ n^0.3, as BERT, XLM-R and mT5 were trained"),
  "std-t1": std(1, "in proportion to size"),
  "std-t0-tokens": stdTokens(0, "std-t0"),
  "std-t03-tokens": stdTokens(0.3, "std-t03"),
  "std-t1-tokens": stdTokens(1, "std-t1"),
  "std-t0-steps": stdSteps(0, "std-t0"),
  "std-t03-steps": stdSteps(0.3, "std-t03"),
  "std-t1-steps": stdSteps(1, "std-t1"),
  "act": {
    meaning:
      "active forgetting: embeddings begin again every N_local steps, under a cosine of their own",
    // The paper does not say which mixture ACT is trained on: τ = 0 here, the sampling that is closest to DEPT's own.
    source: "DEPT App. A.1.3, after Chen et al. 2023",
    role: "baseline",
    costMethod: "std",
    training: { ...whole, mixture: { tau: 0, budget: "steps" }, forgetsEmbeddings: true },
  },
  "glob": {
    meaning: "θ, ϕ and ψ are averaged; every source trains the whole table",
    source: "DEPT §2.1, Algorithm 1, lines 4, 8, 9 and 11 to 15",
    role: "method",
    costMethod: "glob",
    training: whole,
  },
  "trim": {
    meaning:
      "as glob, but a source gets only the rows of its V_k; a row is averaged over the sources that have it",
    source: "DEPT §2.2, Algorithm 1, lines 5, 6 and 10",
    role: "method",
    costMethod: "trim",
    training: { ...whole, cutsVocabulary: true },
  },
  "spec": {
    meaning:
      "only θ is averaged; each source keeps ϕ and ψ of its own, over the global pieces that occur in it",
    source: "DEPT §2.3, Algorithm 1, line 7",
    role: "method",
    costMethod: "spec",
    training: { vocabulary: "global", cutsVocabulary: true, sharesEmbeddings: false },
  },
  "spec-opt": {
    meaning: "as spec, with a tokenizer trained on the source alone",
    source: "DEPT §2.3",
    role: "method",
    costMethod: "spec-opt",
    training: { vocabulary: "own", cutsVocabulary: false, sharesEmbeddings: false },
  },
  "local-sgd": {
    // What it has in common with DEPT comes from averaging; what it lacks, from keeping the sources apart.
    meaning:
      "the rounds and the averaging of glob, but each of |S_t| workers draws from the uniform mixture",
    source: "Stich 2019; not in the paper",
    role: "control",
    costMethod: "glob",
    training: { ...whole, workers: { tau: 0 } },
  },
  "none": {
    meaning: "no pre-training: continuation starts from a body as it was drawn",
    source: "not in the paper",
    role: "control",
    costMethod: "std",
    training: { ...whole, isUntrained: true },
  },
  "isolated-<source>": {
    meaning: "one model on one source alone, with as many tokens as DEPT sees",
    source: "DEPT App. B.8",
    role: "control",
    costMethod: "std",
    training: { ...whole, mixture: { tau: 0, budget: "tokens-by-batch" } },
  },
};

const sourceInId = "<source>";
const sourceName = /^[a-z0-9][a-z0-9_-]*$/;

/** A row with its name. @throws UsageError for a name that no row has. */
export function variantNamed(id: string): NamedVariant {
  const found = findVariant(id);
  if (found === undefined) {
    throw new UsageError(`Cannot use variant "${id}": expected ${expectedVariant(id)}`);
  }
  return found;
}

/** What to say of a name that no row has: all ids, and the nearest. */
export function expectedVariant(found: string): string {
  const known = Object.keys(variantTable);
  return `one of ${known.join(", ")}${didYouMean(found, known)}`;
}

export function findVariant(id: string): NamedVariant | undefined {
  if (Object.hasOwn(variantTable, id) && !id.includes(sourceInId)) {
    return withName(variantTable[id], id);
  }
  for (const [pattern, row] of Object.entries(variantTable)) {
    const [before, after] = pattern.split(sourceInId);
    if (after === undefined || !id.startsWith(before) || !id.endsWith(after)) continue;
    const onlySource = id.slice(before.length, id.length - after.length);
    if (sourceName.test(onlySource)) return { ...withName(row, id), onlySource };
  }
  return undefined;
}

function withName(row: VariantRow, id: string): NamedVariant {
  return { ...row, training: { id, ...row.training } };
}

/** The methods that costs are computed for, each with the first variant of the table that belongs to it. */
export function costMethods(): ReadonlyMap<string, NamedVariant> {
  const first = new Map<string, NamedVariant>();
  for (const [id, row] of Object.entries(variantTable)) {
    if (!first.has(row.costMethod)) first.set(row.costMethod, withName(row, id));
  }
  return first;
}
