/**
 * What a recipe may say of its data: sources, what becomes of their documents, and fine-tuning tasks.
 */
import { z } from "zod";
import { fileTaskDefaults, taskFormatNames } from "../datasets/downstream/mod.ts";
import { cleanRules } from "../datasets/mod.ts";
import { count } from "../training/mod.ts";

/** Refuses an item of a list that an earlier one equals. */
export function eachOnce(items: readonly unknown[], context: z.RefinementCtx): void {
  const seen = new Set<unknown>();
  items.forEach((item, i) => {
    const message = "expected each item of the list once";
    if (seen.has(item)) context.addIssue({ code: "custom", path: [i], message, input: item });
    seen.add(item);
  });
}

const fraction = z.number().min(0).max(1);

const options = z.record(z.string(), z.unknown()).default({})
  .describe("Settings of the generator: see its file.");

const files = z.union([
  z.string(),
  z.array(z.string()).min(1).superRefine(eachOnce),
]);
const filesForms =
  "Paths relative to `data`, without it to the recipe's file, or absolute; folders, globs, http(s) URLs, or " +
  "`hf://datasets/<owner>/<name>[@revision]/<glob>`, in this order.";

const limits = z.strictObject({
  train: count.nullable().describe("Documents for training."),
  validation: count.nullable().describe("Documents for validation."),
  test: count.nullable().optional().describe("Documents for the test."),
});

/** What model cards say of a source's text. No stage reads it. */
const forCards = {
  licence: z.string().min(1).max(200).optional().describe(
    "The licence of the text, for model cards: `ODC-BY-1.0`. No result depends on it.",
  ),
};

/** Text made by a generator. */
const generatedSource = z.strictObject({
  generator: z.string().describe("A file of `datasets/generators/` that invents text."),
  options,
  documents: z.strictObject({
    train: count.describe("Documents for training."),
    validation: count.describe("Documents for validation."),
    test: count.optional().describe(
      "Documents for the test; as many as for validation without it.",
    ),
  }).describe("Documents that are made for each split."),
  ...forCards,
});

/** What may be said of files besides where they are. */
const fileOptions = {
  where: z.strictObject({
    field: z.string().describe("A field of the rows; dots lead into nested fields."),
    is: z.union([z.string(), z.array(z.string()).min(1).superRefine(eachOnce)]).describe(
      "Its value, or several.",
    ),
  }).optional().describe(
    "Only documents with this value belong to the source. Sources in the same files are read in one pass.",
  ),
  maxDocuments: limits.optional()
    .describe("The source's own limit; the lower of it and `documents.maxDocuments` counts."),
  expected: z.strictObject({
    documents: count.describe("Documents of the training text."),
    bytes: z.int().positive().optional().describe("Its bytes in UTF-8."),
  }).optional()
    .describe("What the training text is known to hold, for forecasts. No result depends on it."),
  ...forCards,
};

/** Text in files, one or several for each split. */
const fileSource = z.strictObject({
  train: files.describe(`Files of training text. ${filesForms}`),
  validation: files.describe("Files of validation text."),
  test: files.optional().describe(
    "Files of test text; without them `documents.testShare` of the training documents is the test.",
  ),
  ...fileOptions,
});

/** Text in files without splits: a hash of each document says where it belongs. */
const pooledSource = z.strictObject({
  files: files.describe(
    `Files without splits: a hash of each document says where it belongs. ${filesForms}`,
  ),
  split: z.strictObject({
    validation: fraction.describe("Share of the documents for validation."),
    test: fraction.gt(0).optional().describe(
      "Share of the documents for the test; `documents.testShare` without it.",
    ),
  }).refine(
    ({ validation, test = 0 }) => validation > 0 && validation + test < 1,
    "expected a validation share above 0 that leaves some for training",
  ).describe("Shares of the documents; the rest is for training."),
  ...fileOptions,
});

/** A part of the text of those sources that are no parts themselves. */
const partSource = z.strictObject({
  part: count.describe(
    "A cluster of the documents of all sources that have no `part`, by its number: `clusters` says how they are found.",
  ),
  ...forCards,
});

/** Fine-tuning holds all examples in memory. */
const maxExamples = 1e7;

const examples = {
  train: count.max(maxExamples).describe("Examples for training."),
  dev: count.max(maxExamples).describe("Examples that choose the best epoch."),
  test: count.max(maxExamples).describe("Examples that are scored."),
};

const generatedTask = z.strictObject({
  generator: z.string().describe("A file of `datasets/generators/` that invents a task."),
  options,
  examples: z.strictObject(examples).describe("Examples that are made for each split."),
});

/** A task in files: places as for sources. */
const fileTask = z.strictObject({
  format: z.enum(taskFormatNames).describe("The form of the files."),
  files: z.strictObject({
    train: files.describe("Files of training examples, named as for sources."),
    dev: files.describe("Files of dev examples."),
    test: files.optional().describe("Files of test examples."),
  }).describe(
    "Without test files the dev files are the test, and a part of the training examples is dev.",
  ),
  holdOut: fraction.default(fileTaskDefaults.holdOut)
    .describe("Share of the training examples that is dev if no test files are named."),
  examples: z.strictObject(examples).partial().optional()
    .describe("Most examples of each split, drawn at random; all of them without it."),
});

export const sourceSchema = z.union([generatedSource, fileSource, pooledSource, partSource]);
export const taskSchema = z.union([generatedTask, fileTask]);

/** V8 holds no longer text. */
const maxTextBytes = 2 ** 29 - 24;

/** A signature of so many numbers stands for each document: 16 kB of memory. */
const maxPermutations = 4096;

export const clustersSchema = z.strictObject({
  method: z.enum(["k-means", "random"]).describe(
    "`k-means`: documents with the same pieces, as many in each cluster; `random`: drawn, the control.",
  ),
  iterations: count.max(1000).describe("Most times that all documents are assigned."),
});

export const documentsSchema = z.strictObject({
  textField: z.string().describe(
    "The field of a row that holds the text; dots lead into nested fields.",
  ),
  badRows: z.enum(["error", "skip"]).describe(
    "A row without text, or one that cannot be read, is an error, or is skipped and counted.",
  ),
  textDocuments: z.enum(["blank-line", "line", "file"])
    .describe("What a document is in a text file: a paragraph, a line, or the whole file."),
  maxRowBytes: count.max(maxTextBytes).describe(
    "Longest row. A longer one is an error: readers hold a row in memory.",
  ),
  maxDocuments: limits.describe("Only the first documents of a split are taken; null takes all."),
  testShare: fraction.gt(0).lt(1).describe(
    "The share of a source's training documents, chosen by a hash of each, that is its test where no test files are named.",
  ),
  maxFiles: count.nullable()
    .describe("Only the first files that a pattern or folder names are taken; null takes all."),
  clean: z.array(z.enum(cleanRules)).superRefine(eachOnce).describe(
    "Rules that clean the text, in this order.",
  ),
  duplicates: z.strictObject({
    exact: z.boolean().describe("Drops documents that are equal to an earlier one."),
    near: z.strictObject({
      threshold: z.number().gt(0).max(1)
        .describe("Jaccard index of shingles from which two documents are one."),
      shingle: count.describe("Words of a shingle."),
      permutations: count.max(maxPermutations).describe("Length of a MinHash signature."),
    }).nullable().describe(
      "Drops documents that are nearly equal to an earlier one; null keeps them.",
    ),
  }).describe("Which documents are dropped as duplicates."),
  length: z.strictObject({
    minCharacters: count.nullable().describe("Shorter documents are dropped and counted."),
    maxCharacters: count.nullable().describe("Longer documents are dropped and counted."),
  }).describe("Limits of a document's length in code points."),
  details: z.boolean().describe(
    "Reports scripts, duplicates and rejected documents even if nothing above asks for it.",
  ),
  hub: z.string().nullable().describe(
    "Base URL of the hub or of a mirror; null is the public one. No result depends on it, and `HF_TOKEN` is not sent to it.",
  ),
  maxDownloadBytes: count.nullable().describe(
    "A remote file longer than this is refused; null: 64 GiB, and 256 MiB where the server does not say how long it is.",
  ),
});

export type SourceSpec = z.infer<typeof sourceSchema>;
export type TaskSpec = z.infer<typeof taskSchema>;
export type GeneratedSourceSpec = z.infer<typeof generatedSource>;
export type PartSourceSpec = z.infer<typeof partSource>;
export type FileSourceSpec = z.infer<typeof fileSource> | z.infer<typeof pooledSource>;
