/**
 * Reads or makes the text of a source: one instance per source and split.
 *
 * in   the source's files, here or remote, or nothing when a generator makes the text
 *      clusters, text/<source>  for a part of other sources' text: the documents of its cluster
 *      training  documents, for validation or test files of their own where duplicates are dropped: none is in both
 * out  documents  Arrow, columns `text` and `id`: one document per row; `report.json`
 *
 * Several sources may lie in the same files, told apart by a field. Each of them, for each split, is an instance here, yet
 * a file is read once: `datasets/shared_split.ts` sorts it into the shared cache, and instances read their own part.
 * Remote files enter the key by their names (with the revision), not by where the hub is; what was read is in the report.
 */
import { basename, isAbsolute, join } from "node:path";
import { sha256OfFile } from "../base/mod.ts";
import { isRemote, remoteEnvironment, remotePath, sharedCacheFolder } from "../datasets/hub/mod.ts";
import {
  type DocumentReader,
  type DocumentsReport,
  type FilterOptions,
  type GeneratedSource,
  listLocalFiles,
  openLocal,
  readerModule,
  type ReaderOptions,
  type SourcePart,
  writeGeneratedDocuments,
  writeSourceDocuments,
} from "../datasets/mod.ts";
import { sourceModule } from "../datasets/generators/mod.ts";
import { StageError } from "../base/mod.ts";
import type { OutputRef, Stage, StageContext, StageSummary } from "../pipeline/stage.ts";
import type { Recipe } from "./recipe.ts";
import { listRemote, type RemoteHints, remoteHints } from "./remote_files.ts";
import { declarePart, type PartParams, writePart } from "./part_documents.ts";
import type { FileSourceSpec, GeneratedSourceSpec } from "./recipe_data.ts";
import { allSources, eachFileOnce, sourceSpecs } from "./sources.ts";

/**
 * Training text, text that chooses (the best round, rates), and text that tables are made from. Where a source has no test
 * files, a hash takes the test from the documents of its training files.
 */
const splits = ["train", "validation", "test"] as const;
type Split = typeof splits[number];

/** Text made by a generator. The source's name picks the seed: two sources with the same rules differ. */
interface GeneratedParams {
  readonly kind: "generated";
  readonly source: string;
  readonly split: Split;
  readonly options: Readonly<Record<string, unknown>>;
  /** Documents to make. */
  readonly documents: number;
}

/** Text read from files. */
interface FileParams {
  readonly kind: "files";
  readonly reading: Omit<ReaderOptions, "onSkip" | "from" | "metadataFields">;
  /** In order: base names of files of this machine, whose content is in the key, and names of remote ones. */
  readonly files: readonly string[];
  /** Of each remote name only the first files are taken; null takes all. */
  readonly maxFiles: number | null;
  /** Documents whose field has one of the values; null takes all. */
  readonly where: { readonly field: string; readonly values: readonly string[] } | null;
  readonly filter: FilterOptions | null;
  /** Only the first documents are taken; null takes all. */
  readonly maxDocuments: number | null;
}

type DocumentsParams = GeneratedParams | FileParams | PartParams;

/** What cannot change a byte. */
interface DocumentsHints extends RemoteHints {
  /** The name of the source, for messages. */
  readonly source: string;
  readonly checkpointEveryMs: number;
}

interface DocumentsModules {
  readonly source?: { readonly source: GeneratedSource<Readonly<Record<string, unknown>>> };
  readonly [reader: `reader/${number}`]: { readonly reader: DocumentReader };
}

type Context = StageContext<DocumentsParams, DocumentsHints, DocumentsModules>;

const duplicatesSeed = "documents/duplicates";

export const documents: Stage<Recipe, DocumentsParams, DocumentsHints, DocumentsModules> = {
  name: "documents",
  description: "Reads or makes the text of a source",
  module: import.meta.url,
  sharesProcess: true,
  instances: (recipe) =>
    allSources(recipe).flatMap((source) => splits.map((split) => [source, split])),
  declare(recipe, parts) {
    const [source, split] = parts as [string, Split];
    const spec = sourceSpecs(recipe)[source];
    const common = {
      outputs: ["documents"],
      hints: { source, ...remoteHints(recipe), checkpointEveryMs: 5000 },
      weight: 0.1,
    };
    if ("part" in spec) return { ...common, ...declarePart(recipe, spec.part, split) };
    const limit = limitOf(recipe, spec, split);
    return {
      ...common,
      ...("generator" in spec
        ? declareGenerated(spec, source, split, limit)
        : declareFiles(recipe, spec, source, split, limit)),
    };
  },
};

function declareGenerated(
  { generator, options, documents }: GeneratedSourceSpec,
  source: string,
  split: Split,
  limit: number | null,
) {
  const asked = split === "test" ? documents.test ?? documents.validation : documents[split];
  const count = Math.min(asked, limit ?? Infinity);
  const params: GeneratedParams = { kind: "generated", source, split, options, documents: count };
  return {
    params,
    seeds: [`documents/${source}`],
    uses: { source: sourceModule(generator) },
  };
}

function declareFiles(
  recipe: Recipe,
  spec: FileSourceSpec,
  source: string,
  split: Split,
  limit: number | null,
) {
  const { textField, badRows, textDocuments, maxRowBytes, maxFiles, duplicates } = recipe.documents;
  const { where, expected } = spec;
  const key = fileKeyOf(spec, split);
  const places = placesOf(recipe, spec, source, key);
  const local = places.map((place, i) => [`file/${i}`, place] as const)
    .filter(([, place]) => !isRemote(place));
  const isDeduplicated = duplicates.exact || duplicates.near !== null;
  // Text that has files of its own is compared with training text.
  const inputs: Record<string, OutputRef> = isDeduplicated && key !== "train" && key !== "files"
    ? { training: `documents/${source}/train#documents` }
    : {};
  const params: FileParams = {
    kind: "files",
    reading: { textField, badRows, textDocuments, maxRowBytes },
    files: places.map((place) => isRemote(place) ? place : basename(place)),
    maxFiles,
    where: where === undefined ? null : { field: where.field, values: [where.is].flat() },
    filter: filterOf(recipe, spec, split),
    maxDocuments: limit,
  };
  return {
    inputs,
    files: Object.fromEntries(local),
    params,
    // Files are read as they are: their documents stay fresh when the recipe's seed changes.
    seeds: duplicates.near === null ? [] : [duplicatesSeed],
    uses: Object.fromEntries(
      places.map((place, i) => [
        `reader/${i}`,
        readerModule(isRemote(place) ? remotePath(place) : place),
      ]),
    ),
    // Fetched files, and files sorted by a field, are kept for all stores.
    access: local.length < places.length || where !== undefined
      ? { folders: [sharedCacheFolder()], environment: remoteEnvironment }
      : undefined,
    forecast: expected?.bytes === undefined || split !== "train" ? {} : {
      bytes: Math.round(expected.bytes * Math.min(1, (limit ?? Infinity) / expected.documents)),
    },
  };
}

export async function run(context: Context): Promise<StageSummary> {
  const { params, log } = context;
  const { inputs, outputs, signal } = context;
  const report = params.kind === "generated"
    ? await fromGenerator(context, params)
    : params.kind === "files"
    ? await fromFiles(context, params)
    : await writePart(outputs.documents, inputs, params, signal);
  const { skipped, filter, empty } = report;
  if (empty !== undefined) {
    log.warn(`${empty.files} files gave no document`, { first: empty.first[0] });
  }
  if (skipped.rows > 0) {
    log.warn(`skipped ${skipped.rows} bad rows`, { first: skipped.first[0] });
  }
  const dropped = Object.entries({
    skipped: skipped.rows,
    duplicates: (filter?.duplicates.exact.documents ?? 0) +
      (filter?.duplicates.near.documents ?? 0),
    rejected: Object.values(filter?.rejected ?? {}).reduce(
      (sum, { documents }) => sum + documents,
      0,
    ),
  });
  return {
    documents: report.documents,
    bytes: report.bytes,
    ...Object.fromEntries(dropped.filter(([, count]) => count > 0)),
  };
}

async function fromGenerator(
  { outputs, hints, signal, log, modules, seed, checkpointFolder }: Context,
  { source, split, options, documents: total }: GeneratedParams,
): Promise<DocumentsReport> {
  return await writeGeneratedDocuments(outputs.documents, {
    source: modules.source!.source,
    options,
    split,
    seed: seed(`documents/${source}`),
    documents: total,
    // Once for a source: tables of losses put it beside models of the test text.
    tellsEntropy: split === "test",
    checkpointFolder,
    checkpointEveryMs: hints.checkpointEveryMs,
    signal,
    onDocument(done) {
      if (done % 1000 === 0) log.progress({ done, total, unit: "documents" });
    },
  });
}

async function fromFiles(context: Context, params: FileParams): Promise<DocumentsReport> {
  const { hints, inputs, outputs, signal, log, checkpointFolder, seed } = context;
  const { reading, where, filter, maxDocuments } = params;
  const total = maxDocuments ?? 0;
  return await writeSourceDocuments(outputs.documents, {
    source: hints.source,
    parts: await partsOf(context, params),
    reading,
    where: where === null ? null : { ...where, folder: join(sharedCacheFolder(), "splits") },
    filter,
    seed: (filter?.duplicates.near ?? null) === null ? [0, 0, 0, 0] : seed(duplicatesSeed),
    training: inputs.training ?? null,
    maxDocuments,
    checkpointFolder,
    checkpointEveryMs: hints.checkpointEveryMs,
    signal,
    onDocument(done) {
      if (done % 1000 === 0) log.progress({ done, total, unit: "documents" });
    },
  });
}

/** The files of the instance, remote patterns as what they list. */
async function partsOf(
  context: Context,
  { files: names, maxFiles }: FileParams,
): Promise<SourcePart[]> {
  const parts: SourcePart[] = [];
  const urls = new Set<string>();
  for (const [i, name] of names.entries()) {
    const { reader } = context.modules[`reader/${i}`];
    const path = context.files[`file/${i}`];
    if (path !== undefined) {
      parts.push({
        name,
        reader,
        open: async () => ({
          input: await openLocal(path),
          sha256: () => sha256OfFile(path),
          state: () => stateOf(path),
          isRemote: false,
        }),
      });
      continue;
    }
    const listed = await listRemote(context, name);
    for (const { name, url, fetch } of listed.slice(0, maxFiles ?? Infinity)) {
      if (urls.has(url)) {
        throw new StageError(
          `Cannot read "${url}": expected each file once, found that two names of the recipe are of it`,
        );
      }
      urls.add(url);
      parts.push({
        name,
        reader,
        async open() {
          const { path, sha256 } = await fetch();
          return {
            input: await openLocal(path, name),
            sha256: () => sha256,
            state: () => sha256,
            isRemote: true,
          };
        },
      });
    }
  }
  return parts;
}

/**
 * What tells the state of a file from all others: with its digest also its time of change, so that text of an edit that is
 * undone while the file is read is never found again.
 */
function stateOf(path: string): string {
  const { dev, ino, mtime, ctime } = Deno.statSync(path);
  return [dev, ino, mtime?.getTime(), ctime?.getTime(), sha256OfFile(path)].join(" ");
}

/** The key of a source that names the files of a split. */
function fileKeyOf(spec: FileSourceSpec, split: Split): Split | "files" {
  if ("files" in spec) return "files";
  return split === "test" && spec.test === undefined ? "train" : split;
}

/** Where the text is: files of this machine, folders and globs resolved, and remote names. */
function placesOf(
  recipe: Recipe,
  spec: FileSourceSpec,
  source: string,
  key: Split | "files",
): readonly string[] {
  const named = ["files" in spec ? spec.files : spec[key as Split]!].flat();
  const places = named.flatMap((place) => {
    if (isRemote(place)) return [place];
    const found = listLocalFiles(isAbsolute(place) ? place : join(recipe.data ?? "", place));
    return found.slice(0, recipe.documents.maxFiles ?? Infinity);
  });
  return eachFileOnce(places, `sources.${source}.${key}`);
}

/** Filters between reading and writing; null if the recipe asks for none. */
function filterOf(
  { documents: { clean, duplicates, length, details, testShare } }: Recipe,
  spec: FileSourceSpec,
  keep: Split,
): FilterOptions | null {
  const split = sharesOf(spec, keep, testShare);
  const isAsked = clean.length > 0 || duplicates.exact || duplicates.near !== null ||
    length.minCharacters !== null || length.maxCharacters !== null || details || split !== null;
  return isAsked ? { clean, duplicates, length, split } : null;
}

/** The part of the files' documents that is a split; null where it is all of them. */
function sharesOf(spec: FileSourceSpec, keep: Split, testShare: number): FilterOptions["split"] {
  if ("split" in spec) return { shares: { test: testShare, ...spec.split }, keep };
  const isShared = spec.test === undefined && keep !== "validation";
  return isShared ? { shares: { validation: 0, test: testShare }, keep } : null;
}

/** The lower of the recipe's limit and the source's own. */
function limitOf(
  recipe: Recipe,
  spec: GeneratedSourceSpec | FileSourceSpec,
  split: Split,
): number | null {
  const own = "generator" in spec ? null : spec.maxDocuments?.[split] ?? null;
  const limit = Math.min(recipe.documents.maxDocuments[split] ?? Infinity, own ?? Infinity);
  return Number.isFinite(limit) ? limit : null;
}
