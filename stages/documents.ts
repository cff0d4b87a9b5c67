/**
 * Reads or makes the text of a source: one instance per source and split.
 *
 * in   the source's files, or nothing when a generator makes the text
 * out  documents  Arrow, columns `text` and `id`: one document per row; `report.json`
 */
import { basename, isAbsolute, join } from "node:path";
import {
  type Document,
  type DocumentReader,
  type GeneratedSource,
  readerModule,
  type ReaderOptions,
  SkipLog,
  writeDocuments,
} from "../datasets/mod.ts";
import { sourceModule } from "../datasets/sources/mod.ts";
import type { Stage, StageContext, StageSummary } from "../pipeline/stage.ts";
import {
  allSources,
  type FileSourceSpec,
  type GeneratedSourceSpec,
  type Recipe,
  sourceSpecs,
} from "./recipe.ts";

type Split = "train" | "validation";
const splits = ["train", "validation"] as const;

/** Text made by a generator. The source's name picks the seed: two sources with the same rules differ. */
export interface GeneratedParams {
  readonly kind: "generated";
  readonly source: string;
  readonly split: Split;
  readonly options: Readonly<Record<string, unknown>>;
  /** Documents to make. */
  readonly documents: number;
}

/** Text read from files. */
export interface FileParams extends Omit<ReaderOptions, "onSkip"> {
  readonly kind: "files";
  /** Base names, in order: ids of documents begin with them. */
  readonly files: readonly string[];
  /** Only the first documents are taken; null takes all. */
  readonly maxDocuments: number | null;
}

export type DocumentsParams = GeneratedParams | FileParams;

export const documents: Stage<Recipe, DocumentsParams> = {
  name: "documents",
  description: "Reads or makes the text of a source",
  module: import.meta.url,
  instances: (recipe) => allSources(recipe).flatMap((source) => splits.map((s) => [source, s])),
  inputs: () => ({}),
  files: (recipe, parts) =>
    Object.fromEntries(pathsOf(recipe, parts).map((path, i) => [`file/${i}`, path])),
  outputs: ["documents"],
  params(recipe, parts) {
    const [source, split] = parts as [string, Split];
    const { maxDocuments, ...reading } = recipe.documents;
    const limit = maxDocuments[split];
    const spec = specOf(recipe, source);
    if ("generator" in spec) {
      const count = Math.min(spec.documents[split], limit ?? Infinity);
      return { kind: "generated", source, split, options: spec.options, documents: count };
    }
    const files = pathsOf(recipe, parts).map((path) => basename(path));
    return { kind: "files", ...reading, files, maxDocuments: limit };
  },
  // Files are read as they are: their documents stay fresh when the recipe's seed changes.
  seeds: (recipe, [source]) => "generator" in specOf(recipe, source) ? [`documents/${source}`] : [],
  uses(recipe, parts) {
    const spec = specOf(recipe, parts[0]);
    if ("generator" in spec) return { source: sourceModule(spec.generator) };
    const paths = pathsOf(recipe, parts);
    return Object.fromEntries(paths.map((path, i) => [`reader/${i}`, readerModule(path)]));
  },
  weight: () => 0.1,
};

export async function run(context: StageContext<DocumentsParams>): Promise<StageSummary> {
  const { params, outputs, signal, log } = context;
  const skips = new SkipLog();
  const total = (params.kind === "generated" ? params.documents : params.maxDocuments) ?? 0;
  const report = await writeDocuments(
    outputs.documents,
    params.kind === "generated" ? generated(context, params) : fromFiles(context, params, skips),
    {
      skips,
      maxDocuments: params.kind === "generated" ? params.documents : params.maxDocuments,
      entropyBitsPerByte: params.kind === "generated"
        ? sourceOf(context).entropyBitsPerByte(params.options)
        : undefined,
      onDocument(done) {
        signal.throwIfAborted();
        if (done % 1000 === 0) log.progress({ done, total, unit: "documents" });
      },
    },
  );
  if (report.skipped.rows > 0) {
    log.warn(`skipped ${report.skipped.rows} bad rows`, { first: report.skipped.first[0] });
  }
  return {
    documents: report.documents,
    bytes: report.bytes,
    ...(report.skipped.rows > 0 ? { skipped: report.skipped.rows } : {}),
  };
}

function generated(
  context: StageContext<DocumentsParams>,
  { source, split, options }: GeneratedParams,
): Iterable<Document> {
  return sourceOf(context).documents(options, split, context.seed(`documents/${source}`));
}

function sourceOf({ modules }: StageContext<DocumentsParams>) {
  return (modules.source as { source: GeneratedSource<Readonly<Record<string, unknown>>> }).source;
}

async function* fromFiles(
  { files, modules }: StageContext<DocumentsParams>,
  params: FileParams,
  skips: SkipLog,
): AsyncGenerator<Document> {
  // Files of one name in different folders: their place among the files tells their documents apart.
  const isAmbiguous = new Set(params.files).size < params.files.length;
  const options: ReaderOptions = { ...params, onSkip: (reason) => skips.add(reason) };
  for (let i = 0; i < params.files.length; i++) {
    const { reader } = modules[`reader/${i}`] as { reader: DocumentReader };
    for await (const { text, id } of reader.read(files[`file/${i}`], options)) {
      yield { text, id: isAmbiguous ? `${i}/${id}` : id };
    }
  }
}

/** The files of an instance, absolute or from the working directory; none for generated text. */
function pathsOf(recipe: Recipe, [source, split]: readonly string[]): string[] {
  const spec = specOf(recipe, source);
  if ("generator" in spec) return [];
  const paths = [spec[split as Split]].flat();
  return paths.map((path) => isAbsolute(path) ? path : join(recipe.data ?? "", path));
}

function specOf(recipe: Recipe, source: string): GeneratedSourceSpec | FileSourceSpec {
  return sourceSpecs(recipe)[source];
}
