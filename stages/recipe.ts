/**
 * What a recipe may say: the schema of the YAML files in `pipeline/recipes/`, and what stages derive from it.
 *
 * Numbers have their home in `pipeline/recipes/base.yaml`, each with its reason; a recipe says only how it differs.
 */
import { z } from "zod";
import { UsageError } from "../base/mod.ts";
import { documentsSchema, sourceSchema, taskSchema } from "./recipe_data.ts";
import { checkEngine, engineSchema } from "./recipe_engine.ts";
import {
  checkpointSchema,
  guardSchema,
  microBatchSchema,
  monitorsSchema,
  optimizerSchema,
} from "./recipe_training.ts";

const count = z.int().positive();
const fraction = z.number().min(0).max(1);
const name = z.string().regex(
  /^[a-z0-9][a-z0-9_-]*$/,
  "expected lower-case letters, digits, - and _",
);

const variant = z.string().regex(
  /^(std-t(0|03|1)(-tokens)?|act|local-sgd|glob|trim|spec|spec-opt|isolated-[a-z0-9][a-z0-9_-]*)$/,
  "expected std-t0, std-t03, std-t1 (with -tokens for the equal-token baseline), act, local-sgd, glob, trim, spec, " +
    "spec-opt or isolated-<source>",
);

/**
 * Partial overrides of `unigramDefaults` (tokenizers/), whose names and types the tokenizer room checks. The global vocabulary may
 * instead name a `file`: see `vocabularyFile`.
 */
const unigram = z.record(
  z.string(),
  z.union([z.number(), z.boolean(), z.string(), z.array(z.string())]),
);

/** A matrix of overrides: every combination of the axes' values is a cell, and cells share what they have alike. */
const study = z.strictObject({
  axes: z.record(
    name,
    z.union([
      /** One key of the recipe, dotted, and its values. */
      z.strictObject({
        key: z.string(),
        values: z.array(z.union([z.string(), z.number(), z.boolean()])).min(1),
      }),
      /** Parts of a recipe by name. */
      z.strictObject({ cells: z.record(z.string(), z.record(z.string(), z.unknown())) }),
    ]),
  ),
  /** Tables that range over the axes. */
  tables: z.array(name).default([]),
});

export const recipeSchema = z.strictObject({
  name,
  description: z.string(),
  seed: z.int().nonnegative(),
  engine: engineSchema,
  /** A folder of sources: `<source>/{train,validation}.jsonl[.gz]`. Null when `sources` says all. */
  data: z.string().nullable(),
  /** Sources by id; null takes every folder of `data`. */
  sources: z.record(name, sourceSchema).nullable(),
  /** Sources that are evaluated but never trained on before continuation. */
  outOfDistribution: z.array(name),
  documents: documentsSchema,
  vocabulary: z.strictObject({ global: unigram, own: unigram }),
  model: z.strictObject({
    nLayers: count,
    dModel: count,
    nHeads: count,
    expansion: count,
    seqLen: count,
    positions: z.enum(["alibi", "learned"]),
    bias: z.boolean(),
  }),
  pretrain: z.strictObject({
    variants: z.array(variant).min(1),
    /** T, and N_local: sequential steps are their product for every variant. */
    rounds: count,
    localSteps: count,
    /** |S_t|. */
    sourcesPerRound: count,
    /** Sequences a step, of one source (DEPT) or of the mixture (STD). */
    batchSize: count,
    microBatchSize: microBatchSchema,
    inner: optimizerSchema,
    /** Peak rates of baselines that were tuned apart, by variant; null takes `inner.peakLearningRate`, whatever a recipe extends. */
    peakLearningRates: z.record(z.string(), z.number().positive().nullable()),
    outer: z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("average") }),
      z.strictObject({
        kind: z.literal("nesterov"),
        learningRate: z.number().positive(),
        momentum: fraction,
      }),
      z.strictObject({
        kind: z.literal("fedadam"),
        learningRate: z.number().positive(),
        beta1: fraction,
        beta2: fraction,
        epsilon: z.number().positive(),
      }),
    ]),
    adamState: z.enum(["reset", "keep", "average"]),
    /** A source whose training or weights are not finite stops the run, or is left out of its round. */
    nonFinite: z.enum(["stop", "skip"]),
    guard: guardSchema,
    monitors: monitorsSchema,
    /** Thresholds of named warnings. */
    warnings: z.strictObject({
      /** activation-growth: the largest norm behind a block is so many times what it was (needs monitors). */
      activationGrowth: z.number().positive(),
      /** vocabulary-coverage: such a share of a source's validation tokens is outside its vocabulary. */
      unknownShare: fraction,
    }),
    /** Tables that ACT begins again with: the same ones at each reset, or new ones. */
    forgetting: z.enum(["same", "new"]),
    /** Windows of each source's validation text that choose the `best` checkpoint. */
    validationWindows: count,
    /** Steps between checkpoints, or `auto`. For resumption only: results do not depend on it. */
    checkpointEverySteps: checkpointSchema,
    /** Sources of a round that are trained at once, each in a process of its own: results do not depend on it. */
    parallelSources: count.default(1),
  }),
  /** The paper's search for the peak rate of baselines. */
  tune: z.strictObject({
    /** Variants that are pre-trained at the rate that the search finds. */
    variants: z.array(variant),
    /** From one rate of the grid to the next lower one. */
    gridStep: z.number().positive(),
    /** Rates that are tried at the most. */
    attempts: count,
    /** A run has diverged, too, whose validation loss ends this far above its lowest, or above a uniform guess. */
    spikeNats: z.number().positive(),
  }),
  continue: z.strictObject({
    starts: z.array(z.enum(["random", "pretrained"])).min(1),
    steps: count,
    sampling: z.enum(["uniform", "proportional"]),
    batchSize: count,
    microBatchSize: microBatchSchema,
    inner: optimizerSchema,
    /** From pre-trained embeddings the peak is this share of `inner.peakLearningRate` (paper §3.5: half). */
    pretrainedRateFactor: z.number().positive(),
    guard: guardSchema,
    monitors: monitorsSchema,
    warnings: z.strictObject({
      activationGrowth: z.number().positive(),
      /** weak-continuation: the mean loss at the end lies less than this below that of a uniform guess, ln |V|. */
      weakGainNats: z.number().nonnegative(),
    }),
    /** Losses on the sources' validation text along the run, as rows of the metrics; null: only `evaluate` at the end. */
    validation: z.strictObject({ everySteps: count.nullable(), windows: count }),
    /** Runs from random embeddings on single sources, with a curve of validation perplexity each (paper, Fig. 3). */
    plasticity: z.strictObject({
      sources: z.array(name),
      /** Null takes `continue.steps`. */
      steps: count.nullable(),
      validateEverySteps: count,
      validationWindows: count,
    }),
    checkpointEverySteps: checkpointSchema,
  }),
  evaluate: z.strictObject({
    batchSize: count,
    /** Resamples of documents behind an interval. */
    bootstrapSamples: count,
  }),
  finetune: z.strictObject({
    /** Runs of each task, with another head and order each; scores are their mean. */
    runs: count,
    tasks: z.record(name, taskSchema),
    epochs: count,
    batchSize: count,
    seqLen: count,
    inner: optimizerSchema.omit({
      schedule: true,
      warmupSteps: true,
      finalFactor: true,
      decayFraction: true,
    }),
    warmupFraction: fraction,
    /** Weight of the auxiliary language-model loss (Radford et al. 2018, eq. 5). */
    languageModelWeight: z.number().nonnegative(),
  }),
  tables: z.array(name),
  figures: z.array(name).default([]),
  /** The paper's cost model for a recipe at the paper's size: local vocabulary sizes that no run has counted. */
  costs: z.strictObject({
    /** Nominal model size in parameters at `nominalVocabSize` rows: the body is this less those rows' embeddings. Null counts it. */
    nominalParameters: z.number().positive().nullable(),
    nominalVocabSize: count.nullable(),
    globalVocabSize: count,
    /** |V_k| by source. */
    localVocabSizes: z.record(z.string(), count).nullable(),
    ownVocabSize: count.nullable(),
    /** Of each worker's link, for the time that a round takes to send and receive. */
    gigabitsPerSecond: z.number().positive().default(10), // paper A.1.1: its wall clock is for 10 Gbps
  }).nullable(),
  study: study.nullable().default(null),
  /** What of the paper stands beside our tables. */
  paper: z.strictObject({
    /** Rows of Tables 2 and 9, as `stages/report/paper_costs.ts` names them. */
    cost: z.string().nullable().default(null),
    /** The paper's number, by the name of our table. */
    tables: z.record(name, z.int().min(1).max(21).nullable()).default({}),
    /** The paper's column, by our source, task or average. */
    columns: z.record(z.string(), z.string()).default({}),
    /** What the paper's cells were made with, where ours were not: said under each table. */
    unlike: z.string().nullable().default(null),
  }).nullable(),
});

export type Recipe = z.infer<typeof recipeSchema>;
export type SourceSpec = NonNullable<Recipe["sources"]>[string];
export type TaskSpec = Recipe["finetune"]["tasks"][string];
export type { FileSourceSpec, GeneratedSourceSpec } from "./recipe_data.ts";
export { engineClaims, type EngineParams, hasNativeEngine } from "./recipe_engine.ts";

/** Whether a recipe names no text: sizes of the paper, of which only the costs can be computed. */
export function isOnlyCosted(recipe: Recipe): boolean {
  return recipe.costs !== null && recipe.sources === null && recipe.data === null;
}

/** Every source of a recipe, out-of-distribution ones too, sorted by id. @throws UsageError when there is none. */
export function allSources(recipe: Recipe): readonly string[] {
  return Object.keys(sourceSpecs(recipe)).sort();
}

/** The sources that are trained on, sorted by id. */
export function sourcesOf(recipe: Recipe): readonly string[] {
  const held = new Set(recipe.outOfDistribution);
  return allSources(recipe).filter((source) => !held.has(source));
}

/** How each source is read: the recipe's own word, or the folders of `data`. */
export function sourceSpecs(recipe: Recipe): Readonly<Record<string, SourceSpec>> {
  if (recipe.sources !== null) return recipe.sources;
  if (recipe.data === null) {
    throw new UsageError(
      `Cannot plan recipe "${recipe.name}": expected a folder of sources, found none; ` +
        `run with --set data=DIR (DIR/<source>/{train,validation}.jsonl[.gz])`,
    );
  }
  const folders = [...readFolder(recipe.data)].filter((entry) => entry.isDirectory)
    .map((entry) => entry.name).sort();
  if (folders.length === 0) {
    throw new UsageError(
      `Cannot plan recipe "${recipe.name}": expected a folder for each source in "${recipe.data}", found none`,
    );
  }
  return Object.fromEntries(
    folders.map((source) => [source, {
      train: splitFile(recipe.data!, source, "train"),
      validation: splitFile(recipe.data!, source, "validation"),
    }]),
  );
}

function splitFile(data: string, source: string, split: string): string {
  const names = new Set([...readFolder(`${data}/${source}`)].map((entry) => entry.name));
  const wanted = [`${split}.jsonl`, `${split}.jsonl.gz`, `${split}.txt`];
  const found = wanted.find((file) => names.has(file));
  if (found !== undefined) return `${source}/${found}`;
  throw new UsageError(
    `Cannot read source "${source}" in "${data}/${source}": expected one of ${
      wanted.join(", ")
    }, ` +
      `found ${names.size === 0 ? "an empty folder" : [...names].sort().slice(0, 5).join(", ")}`,
  );
}

function readFolder(path: string): Iterable<Deno.DirEntry> {
  try {
    return [...Deno.readDirSync(path)];
  } catch (cause) {
    const found = cause instanceof Deno.errors.NotFound ? "nothing" : "something else";
    throw new UsageError(
      `Cannot read data folder "${path}": expected a folder of sources, found ${found}; name it with --set data=DIR`,
      { cause },
    );
  }
}

/**
 * What a schema cannot say: relations between parts of a recipe. Called once, before anything is planned.
 * @throws UsageError naming the key.
 */
export function checkRecipe(recipe: Recipe): void {
  checkEngine(recipe);
  const { pretrain, model } = recipe;
  const fail = (key: string, expected: string, found: unknown): never => {
    throw new UsageError(
      `Cannot run recipe "${recipe.name}": expected ${key} ${expected}, found ${found}`,
    );
  };
  if (model.dModel % model.nHeads !== 0) {
    fail("model.dModel", `to be a multiple of model.nHeads (${model.nHeads})`, model.dModel);
  }
  if (model.positions === "learned" && recipe.finetune.seqLen > model.seqLen) {
    fail(
      "finetune.seqLen",
      `to be at most model.seqLen (${model.seqLen}) with learned positions`,
      recipe.finetune.seqLen,
    );
  }
  for (const section of ["pretrain", "continue"] as const) {
    const { batchSize, microBatchSize } = recipe[section];
    if (microBatchSize !== "auto" && batchSize % microBatchSize !== 0) {
      fail(
        `${section}.batchSize`,
        `to be a multiple of ${section}.microBatchSize (${microBatchSize})`,
        batchSize,
      );
    }
  }
  if (isOnlyCosted(recipe)) return;
  const sources = sourcesOf(recipe);
  if (allSources(recipe).includes("global")) {
    fail("no source to be", '"global" (it names the shared vocabulary)', "one");
  }
  const unknown = recipe.outOfDistribution.find((source) => !allSources(recipe).includes(source));
  if (unknown !== undefined) {
    fail("outOfDistribution", `to name sources (${allSources(recipe).join(", ")})`, `"${unknown}"`);
  }
  for (const source of recipe.continue.plasticity.sources) {
    if (allSources(recipe).includes(source)) continue;
    fail(
      "continue.plasticity.sources",
      `to name sources (${allSources(recipe).join(", ")})`,
      `"${source}"`,
    );
  }
  for (const id of pretrain.variants) {
    const [, only] = /^isolated-(.+)$/.exec(id) ?? [];
    if (only === undefined || sources.includes(only)) continue;
    fail(
      "pretrain.variants",
      `to isolate sources that are trained on (${sources.join(", ")})`,
      `"${id}"`,
    );
  }
  const untrained = recipe.tune.variants.find((id) => !pretrain.variants.includes(id));
  if (untrained !== undefined) {
    fail(
      "tune.variants",
      `to be among pretrain.variants (${pretrain.variants.join(", ")})`,
      untrained,
    );
  }
  if (pretrain.sourcesPerRound > sources.length) {
    fail(
      "pretrain.sourcesPerRound",
      `to be at most the number of sources (${sources.length})`,
      pretrain.sourcesPerRound,
    );
  }
}

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

/** Whether text may be written by native code: the npm package that a `tokenizer.json` of others needs. */
export function hasNativeVocabulary(recipe: Recipe): boolean {
  const file = vocabularyFile(recipe);
  return file !== undefined && !file.endsWith(".model");
}
