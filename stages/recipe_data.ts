/**
 * What a recipe may say of its data: sources, what becomes of their documents, and fine-tuning tasks.
 */
import { z } from "zod";
import { fileTaskDefaults, taskFormatNames } from "../datasets/downstream/mod.ts";
import { cleanRules } from "../datasets/mod.ts";

const count = z.int().positive();
const fraction = z.number().min(0).max(1);

/** Text made by a generator of `datasets/sources/`. */
const generatedSource = z.strictObject({
  generator: z.string(),
  options: z.record(z.string(), z.unknown()).default({}),
  /** Documents made for each split. */
  documents: z.strictObject({ train: count, validation: count }),
});

/**
 * Files, in order: paths relative to the recipe's `data` folder or absolute, folders, globs, http(s) URLs, or
 * `hf://datasets/<owner>/<name>[@revision]/<glob>`.
 */
const files = z.union([z.string(), z.array(z.string()).min(1)]);

/** What may be said of files besides where they are. */
const fileOptions = {
  /** Documents of these files belong to the source whose field has the value (or one of them): one pass serves all sources. */
  where: z.strictObject({
    field: z.string(),
    is: z.union([z.string(), z.array(z.string()).min(1)]),
  }).optional(),
  /** In place of `documents.maxDocuments`. */
  maxDocuments: z.strictObject({ train: count.nullable(), validation: count.nullable() })
    .optional(),
  /** What the training text is known to hold, for plans: nothing depends on it. */
  expected: z.strictObject({ documents: count, bytes: count.optional() }).optional(),
};

/** Text in files, one or several a split. */
const fileSource = z.strictObject({ train: files, validation: files, ...fileOptions });

/** Text in files without splits: a hash of each document says where it belongs. */
const pooledSource = z.strictObject({
  files,
  /** Shares of the documents; the rest is for training, `test` is set aside. */
  split: z.strictObject({ validation: fraction, test: fraction.default(0) }).refine(
    ({ validation, test }) => validation > 0 && validation + test < 1,
    "expected a validation share above 0 that leaves some for training",
  ),
  ...fileOptions,
});

const generatedTask = z.strictObject({
  generator: z.string(),
  options: z.record(z.string(), z.unknown()).default({}),
  examples: z.strictObject({ train: count, dev: count, test: count }),
});

/** A task in files: places as for sources. Without test files the dev files are the test, and part of training is dev. */
const fileTask = z.strictObject({
  format: z.enum(taskFormatNames),
  files: z.strictObject({ train: files, dev: files, test: files.optional() }),
  /** Share of the training examples that is dev where no test is named. */
  holdOut: fraction.default(fileTaskDefaults.holdOut),
  /** At most so many, drawn at random; all without it. */
  examples: z.strictObject({ train: count, dev: count, test: count }).partial().optional(),
});

export const sourceSchema = z.union([generatedSource, fileSource, pooledSource]);
export const taskSchema = z.union([generatedTask, fileTask]);

export const documentsSchema = z.strictObject({
  textField: z.string(),
  badRows: z.enum(["error", "skip"]),
  textDocuments: z.enum(["blank-line", "line", "file"]),
  maxRowBytes: count,
  /** Take only the first documents of a split; null takes all. */
  maxDocuments: z.strictObject({ train: count.nullable(), validation: count.nullable() }),
  /** Take only the first files that a pattern or folder names; null takes all. */
  maxFiles: count.nullable(),
  /** Clean-up rules, in this order. */
  clean: z.array(z.enum(cleanRules)),
  duplicates: z.strictObject({
    exact: z.boolean(),
    near: z.strictObject({
      /** Jaccard index of shingles from which two documents are one. */
      threshold: z.number().gt(0).max(1),
      /** Words a shingle. */
      shingle: count,
      /** Length of a MinHash signature. */
      permutations: count,
    }).nullable(),
  }),
  /** Longer and shorter documents are dropped and counted; in code points. */
  length: z.strictObject({ minCharacters: count.nullable(), maxCharacters: count.nullable() }),
  /** Report scripts, duplicates and rejected documents also where nothing above is asked for. */
  details: z.boolean(),
  /** Base URL of the hub or a mirror of it, which results do not depend on; null is the public one. */
  hub: z.string().nullable(),
});

export type GeneratedSourceSpec = z.infer<typeof generatedSource>;
export type FileSourceSpec = z.infer<typeof fileSource> | z.infer<typeof pooledSource>;
