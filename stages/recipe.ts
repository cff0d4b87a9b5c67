/**
 * What a recipe may say: the schema of the YAML files in `pipeline/recipes/`, each key with its meaning.
 *
 * Defaults have their home in `pipeline/recipes/base.yaml`, each with its reason; a recipe says only how it differs.
 * `docs/recipes.md` is made from both.
 */
import { z } from "zod";
import { maxThreads } from "../base/mod.ts";
import {
  continuationSchema,
  count,
  expectedVariant,
  findVariant,
  fineTuneSchema,
  modelSchema,
  pretrainSchema,
  tuneSchema,
} from "../training/mod.ts";
import {
  clustersSchema,
  documentsSchema,
  eachOnce,
  sourceSchema,
  taskSchema,
} from "./recipe_data.ts";
import { engineSchema } from "./recipe_engine.ts";

// Maps of results have these names as keys, beside those that the language gives every object.
const name = z.string().regex(
  /^[a-z0-9][a-z0-9_-]*$/,
  "expected lower-case letters, digits, - and _",
).refine((text) => !(text in {}), "expected another name: this one means something to JavaScript");

const variant = z.string().refine((id) => findVariant(id) !== undefined, {
  error: ({ input }) => `expected ${expectedVariant(String(input))}`,
});

/** `@time=before`, `pretrain/std-t0@time=before`, `external/pythia`. */
const startForm = /^(pretrain\/[a-z0-9_-]+)?(@[\w-]+=[\w.+-]+)+$|^external\/[a-z0-9][a-z0-9_-]*$/;

const unigram = z.record(
  z.string(),
  z.union([z.number(), z.boolean(), z.string(), z.array(z.string())]),
);

const study = z.strictObject({
  axes: z.record(
    name,
    z.union([
      z.strictObject({
        key: z.string().describe("A key of the recipe, dotted."),
        values: z.array(z.union([z.string(), z.number(), z.boolean()])).min(1)
          .describe("Its values."),
      }),
      z.strictObject({
        cells: z.record(z.string(), z.record(z.string(), z.unknown()))
          .describe("Parts of a recipe, by a name for each."),
      }),
    ]),
  ).describe("What varies, by the name of the axis."),
  tables: z.array(name).superRefine(eachOnce).default([])
    .describe("Tables that range over the axes."),
  figures: z.array(name).superRefine(eachOnce).default([])
    .describe(
      "Figures that range over the axes: a table's name, whose rows are drawn along the axis that is written first, or `pareto`.",
    ),
});

const federation = z.strictObject({
  run: z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits")
    .describe("The name of the run in its exchange."),
  folder: z.string().describe(
    "Where keys are, and what parties have declared, or what a silo holds.",
  ),
  sources: z.array(name).min(1).superRefine(eachOnce).describe("The sources that take part."),
  as: name.nullable().describe("The source that this silo has; null for the leader."),
});

const costs = z.strictObject({
  nominalParameters: z.number().positive().nullable().describe(
    "Parameters of the model at `nominalVocabSize` rows; the body is this without the embeddings of these rows. " +
      "Null counts the body.",
  ),
  nominalVocabSize: count.nullable().describe("Rows that are part of `nominalParameters`."),
  globalVocabSize: count.describe("Rows of the global vocabulary, |V|."),
  localVocabSizes: z.record(z.string(), count).nullable()
    .describe("Rows of each source's local vocabulary, |V_k|."),
  ownVocabSize: count.nullable().describe("Rows of a source's own vocabulary (SPEC-OPT)."),
  gigabitsPerSecond: z.number().positive().default(10).describe(
    "Speed of each worker's link, for the time that a round takes to send and receive (paper A.1.1: 10).",
  ),
});

const paper = z.strictObject({
  cost: z.string().nullable().default(null)
    .describe("Rows of Tables 2 and 9, as `stages/report/paper_costs.ts` names them."),
  tables: z.record(name, z.int().min(1).max(21).nullable()).default({})
    .describe("The paper's number of a table, by the name of our table."),
  columns: z.record(z.string(), z.string()).default({})
    .describe("The paper's column, by our source, task or average."),
  unlike: z.string().nullable().default(null)
    .describe("How the paper's cells were made differently from ours: a note under each table."),
});

/** More do not change the first digits of an interval, and each takes a pass over the documents. */
const maxSamples = 1e6;

/** A timer counts milliseconds in 31 bits. */
const mostSeconds = 2_000_000;

export const recipeSchema = z.strictObject({
  name: name.describe("The name of the recipe, which is kept with each result."),
  description: z.string().describe("One or two sentences for `deno task pipeline recipes`."),
  seed: z.int().nonnegative()
    .describe("The root of all random draws. What draws nothing does not depend on it."),
  engine: engineSchema.describe("What computes."),
  data: z.string().nullable().describe(
    "A folder with a folder for each source, `<source>/{train,validation}.jsonl[.gz]` or `.txt`, and `test` where there is " +
      "one, relative to the recipe's file. Files that `sources` names are relative to it. Null if `sources` names all.",
  ),
  sources: z.record(name, sourceSchema).nullable()
    .describe(
      "Sources by id; null takes every folder of `data`. A source has a `generator`, or files for each split (`train`, " +
        "`validation`, `test`), or files without splits (`files`, `split`), or is a `part` of the others' text.",
    ),
  clusters: clustersSchema.describe("How sources that are a `part` of others' text are found."),
  outOfDistribution: z.array(name).superRefine(eachOnce)
    .describe("Sources that are evaluated but never trained on before continuation."),
  documents: documentsSchema.describe("How the text of sources is read."),
  vocabulary: z.strictObject({
    global: unigram.describe(
      "Settings of the unigram trainer for the vocabulary of all sources. Or `file`: the path (relative to the recipe's file), " +
        "URL or `hf://` name of a tokenizer of others that takes its place (docs/tokenizers.md).",
    ),
    own: unigram.describe("The same for the vocabularies of single sources (SPEC-OPT)."),
    sources: z.array(name).min(1).superRefine(eachOnce).nullable().describe(
      "Sources whose text the vocabulary of all sources is trained on; null takes those that are trained on. A source that joins " +
        "later (`pretrain.from`) must not change it.",
    ),
  }).describe("How tokenizers are trained."),
  model: modelSchema.describe("The network."),
  external: z.record(
    name,
    z.strictObject({
      from: z.string().min(1).describe(
        "A folder with `config.json`, safetensors and a tokenizer, or the safetensors file; its path (relative to the recipe's " +
          "file), URL, or `hf://<owner>/<name>[@revision]`.",
      ),
      starts: z.array(z.enum(["random", "pretrained"])).superRefine(eachOnce).default([]).describe(
        "Embeddings that a continuation of it starts from: new ones for the vocabulary of all sources, or its own with its own " +
          "tokenizer.",
      ),
    }),
  ).describe(
    "Models of others, by a name: GPT-2, MPT or GPT-NeoX (Pythia). They are evaluated beside those of `pretrain.variants`.",
  ),
  pretrain: z.strictObject({
    variants: z.array(variant).min(1).superRefine(eachOnce).describe(
      "What is trained and compared (docs/method.md).",
    ),
    ...pretrainSchema.shape,
    from: z.string().regex(
      startForm,
      "expected @AXIS=VALUE, a cell of the study, pretrain/VARIANT@AXIS=VALUE, or external/NAME",
    ).nullable().describe(
      "The model that pre-training goes on from: the same variant in another cell of the recipe's study (`@time=before`), another " +
        "one there (`pretrain/VARIANT@time=before`), or an import (`external/pythia`). Its sources keep their tables, others " +
        "join, those that the recipe no longer has leave. Null begins with new parameters.",
    ),
    peakLearningRates: z.record(z.string(), z.number().positive().nullable()).describe(
      "Peak rates of variants that were tuned apart; null takes `inner.peakLearningRate`, whatever a recipe extends.",
    ),
    quorum: z.strictObject({
      share: z.number().gt(0).max(1)
        .describe("Share of a round's sources whose answers must be there; 1 waits for all."),
      afterSeconds: z.number().positive().max(mostSeconds).nullable().describe(
        "Time since they were asked, before which nobody is left out; null with `share: 1`.",
      ),
    }).describe(
      "When a round whose sources are trained over an exchange is closed without those who are silent. Who took part is then an input of " +
        "the run: `participants.jsonl` in its metrics (docs/several-machines.md).",
    ),
    participants: z.string().min(1).nullable().describe(
      "A file `participants.jsonl`: its rounds have just those who took part, as in the run that wrote it. Null has everybody.",
    ),
    parallelSources: count.max(maxThreads).describe(
      "Sources of a round that are trained at once, each in its own process. No result depends on it.",
    ),
  }).describe("Pre-training: rounds of local training and averaging, or steps on a mixture."),
  tune: z.strictObject({
    variants: z.array(variant).superRefine(eachOnce)
      .describe("Variants that are pre-trained at the rate that the search finds."),
    ...tuneSchema.shape,
  }).describe("The paper's search for the peak rate of baselines: whole runs at falling rates."),
  continue: z.strictObject({
    starts: z.array(z.enum(["random", "pretrained", "stitched"])).min(1).superRefine(eachOnce)
      .describe(
        "Embeddings that a run starts from: new ones, or those of pre-training; `stitched`, where each source has its own (SPEC): " +
          "one table of them all.",
      ),
    ...continuationSchema.shape,
    plasticity: z.strictObject({
      sources: z.array(name).superRefine(eachOnce).describe("A run for each of these sources."),
      steps: count.nullable().describe("Steps of such a run; null takes `continue.steps`."),
      validateEverySteps: count.describe("Steps from one point of the curve to the next."),
      validationWindows: count.describe("Windows of validation text for a point."),
    }).describe(
      "Runs from random embeddings on single sources, with a curve of validation perplexity each (paper, Fig. 3).",
    ),
  }).describe("Continued training of a pre-trained body on the mixture of all sources."),
  stitch: z.strictObject({
    anchors: count.describe(
      "Where sources have tokenizers of their own: pieces that the largest source lacks are combinations of at most so many.",
    ),
  }).describe(
    "One table of those that sources keep to themselves, for the start `stitched` (docs/training.md).",
  ),
  evaluate: z.strictObject({
    batchSize: count.describe("Sequences that are computed at once."),
    bootstrapSamples: count.max(maxSamples).describe("Resamples of documents for an interval."),
    reference: z.string().nullable().describe(
      "The row that tables `differences` compare with: a variant, or `unigram`, `bigram`, `trigram`. Null takes a baseline that saw " +
        "as many tokens as DEPT, else the first variant.",
    ),
  }).describe("Evaluation on the test text of every source."),
  bound: z.strictObject({
    batches: count.min(2).describe("Batches of each source whose gradients are compared."),
    smoothnessSteps: count.describe(
      "Steps that look for the direction in which gradients change fastest.",
    ),
  }).nullable().describe(
    "Measures, at both ends of a run, the constants of a bound for local SGD: stage `gradients`, table `bound` (docs/training.md). " +
      "Null does not.",
  ),
  finetune: z.strictObject({
    tasks: z.record(name, taskSchema).describe(
      "Downstream tasks by id. A task has a `generator`, or a `format` and `files`.",
    ),
    variants: z.array(variant).min(1).superRefine(eachOnce).nullable().describe(
      "Variants that are fine-tuned, among `pretrain.variants`; null takes all of them.",
    ),
    runs: count
      .describe("Runs of each task, with another head and order each; scores are their mean."),
    keepsModel: z.boolean().describe(
      "Whether the weights stay, for `export`: those of the run and epoch that are best on dev, as large as a checkpoint for each " +
        "model and task. Without them scores and predictions stay.",
    ),
    ...fineTuneSchema.shape,
  }).describe("Fine-tuning on downstream tasks."),
  tables: z.array(name).superRefine(eachOnce).describe("Tables that a run makes (docs/tables.md)."),
  figures: z.array(name).superRefine(eachOnce).describe(
    "Figures that a run draws (docs/tables.md).",
  ),
  costs: costs.nullable().describe(
    "Sizes for the paper's cost model that no run has counted. A recipe with these and without text can only be costed.",
  ),
  federation: federation.nullable().default(null).describe(
    "A run whose sources are with silos that keep their text (docs/several-machines.md). Commands `serve` and `silo` write it.",
  ),
  study: study.nullable().default(null).describe(
    "A matrix of overrides: every combination of the axes' values is a cell, and cells share what they have in common.",
  ),
  paper: paper.nullable().describe("Cells of the paper that stand beside ours."),
});

const sourceFiles = ["train", "validation", "test", "files"].map((key) => `sources.*.${key}`);
const taskFiles = ["train", "dev", "test"].map((key) => `finetune.tasks.*.files.${key}`);

/** Keys that hold paths. Each is relative to the file that says it, those of text to `data` where a recipe names that folder. */
export const recipePaths: readonly { readonly key: string; readonly unless?: string }[] = [
  { key: "data" },
  { key: "vocabulary.global.file" },
  { key: "external.*.from" },
  { key: "federation.folder" },
  { key: "pretrain.participants" },
  ...[...sourceFiles, ...taskFiles].map((key) => ({ key, unless: "data" })),
];

export type Recipe = z.infer<typeof recipeSchema>;
export { engineClaims, type EngineParams, hasNativeEngine } from "./recipe_engine.ts";
