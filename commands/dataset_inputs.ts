/**
 * What an argument of `dataset` names: files here or elsewhere, or a source of a recipe.
 */
import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import type { Command } from "commander";
import { openHttp } from "../datasets/http/mod.ts";
import { isGlob, isRemote, remotePath, RemoteStore } from "../datasets/hub/mod.ts";
import {
  type Document,
  type DocumentReader,
  type GeneratedSource,
  type Input,
  listLocalFiles,
  openLocal,
  readerModule,
} from "../datasets/mod.ts";
import { sourceModule } from "../datasets/generators/mod.ts";
import type { Recipe } from "../stages/mod.ts";
import { didYouMean, seedOf, StageError, UsageError } from "../base/mod.ts";
import { loadRecipe } from "../pipeline/recipe.ts";
import { callerFolder } from "./caller_folder.ts";
import { addRecipeOptions } from "./plan_options.ts";
import { printError } from "./screen.ts";

/** Options of every command of `dataset`. */
export interface DatasetOptions {
  readonly recipe: string;
  readonly set?: readonly string[];
}

/** Adds the options of every command of `dataset`. */
export function addDatasetOptions(command: Command): Command {
  return addRecipeOptions(command, "where a SOURCE is named");
}

/** A file to read. */
export interface DatasetFile {
  /** As it was named, or as a pattern found it. */
  readonly name: string;
  readonly reader: DocumentReader;
  open(): Promise<Input>;
}

/** Text that a generator makes; it has no file. */
export interface DatasetGenerator {
  readonly name: string;
  readonly generator: string;
  readonly split: string;
  readonly entropyBitsPerByte: number;
  documents(): Iterable<Document>;
}

interface DatasetInput {
  /** Whether the argument names one file itself, and is no folder, glob, list or source. */
  readonly isFile: boolean;
  readonly files: readonly DatasetFile[];
  readonly generators: readonly DatasetGenerator[];
}

/** @throws UsageError when the argument names nothing; StageError when a server has no such file */
export async function datasetInput(
  argument: string,
  options: DatasetOptions,
): Promise<DatasetInput> {
  if (isRemote(argument) || isGlob(argument) || existsSync(argument)) {
    const files = await filesOf(argument);
    const isFile = files.length === 1 && !isGlob(argument) && !argument.endsWith(".files");
    return { isFile, files, generators: [] };
  }
  if (/[/.]/.test(argument)) {
    throw new StageError(`Cannot read "${argument}": expected a file, found nothing there`);
  }
  return await sourceInput(argument, options);
}

async function filesOf(
  place: string,
  { hub, maxDownloadBytes }: Partial<Recipe["documents"]> = {},
): Promise<DatasetFile[]> {
  if (!isRemote(place)) {
    return await Promise.all(
      listLocalFiles(place).map(async (path) => ({
        name: path,
        reader: await readerOf(path),
        open: () => openLocal(path, path),
      })),
    );
  }
  const reader = await readerOf(remotePath(place));
  // A pager that waits for its reader must not hold a transfer that a run is waiting for.
  const store = new RemoteStore({
    hub,
    maxDownloadBytes: maxDownloadBytes ?? undefined,
    slotsFolder: undefined,
    onRetry: (reason, delayMs) =>
      printError(`warning: ${reason}; again in ${Math.ceil(delayMs / 1000)} s`),
  });
  const warn = (reason: string) => printError(`warning: ${reason}`);
  return (await store.list(place, warn)).map((entry) => ({
    name: entry.url,
    reader,
    async open() {
      try {
        return await openHttp(entry.url, store.client);
      } catch (error) {
        // A server without ranges: the file is fetched whole.
        if (!(error instanceof StageError && error.message.includes("in place"))) throw error;
        return await openLocal((await store.fetch(entry)).path, entry.name);
      }
    },
  }));
}

async function sourceInput(source: string, options: DatasetOptions): Promise<DatasetInput> {
  const { project } = await import("./dept.ts");
  const { allSources, sourceSpecs } = await import("../stages/mod.ts");
  const { recipes: folder, schema, pathKeys, root } = project;
  const recipe = await loadRecipe(options.recipe, {
    folder,
    schema,
    set: options.set,
    pathKeys,
    callerFolder: callerFolder(root),
  }) as Recipe;
  const known = recipe.sources === null && recipe.data === null ? [] : allSources(recipe);
  if (!known.includes(source)) {
    throw new UsageError(
      `Cannot read "${source}": expected a file, a URL or a source of recipe "${recipe.name}" (${
        known.join(", ") || "it has none"
      })${didYouMean(source, known)}`,
    );
  }
  const spec = sourceSpecs(recipe)[source];
  if ("part" in spec) {
    throw new UsageError(
      `Cannot read "${source}": expected a source with text of its own, found a part of the others' text; ` +
        `run documents/${source} first, and read the file that path documents/${source}/train names`,
    );
  }
  if ("generator" in spec) {
    const { train, validation, test = validation } = spec.documents;
    const counts = { train, validation, test };
    const module = await import(sourceModule(spec.generator)) as {
      source: GeneratedSource<Readonly<Record<string, unknown>>>;
    };
    const seed = seedOf(recipe.seed, `documents/${source}`);
    const generators = (["train", "validation", "test"] as const).map((split) => ({
      name: `${source}/${split}`,
      generator: spec.generator,
      split,
      entropyBitsPerByte: module.source.entropyBitsPerByte(spec.options),
      documents: () => module.source.documents(spec.options, split, seed, 0, counts[split]),
    }));
    return { isFile: false, files: [], generators };
  }
  const places = ("files" in spec ? [spec.files] : [spec.train, spec.validation, spec.test ?? []])
    .flat();
  const files: DatasetFile[] = [];
  for (const place of new Set(places)) {
    const path = isRemote(place) || isAbsolute(place) ? place : join(recipe.data ?? "", place);
    files.push(...await filesOf(path, recipe.documents));
  }
  return { isFile: false, files, generators: [] };
}

async function readerOf(path: string): Promise<DocumentReader> {
  return (await import(readerModule(path)) as { reader: DocumentReader }).reader;
}
