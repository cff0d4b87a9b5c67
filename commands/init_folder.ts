/**
 * What a folder holds that could be sources: for `init`.
 */
import { existsSync, statSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { hasReader, listLocalFiles } from "../datasets/mod.ts";
import { StageError, UsageError } from "../base/mod.ts";
import { datasetInput } from "./dataset_inputs.ts";
import { inspectFile } from "./file_inspection.ts";

/** A folder or file that would be a source. */
export interface FoundSource {
  /** Its id in the recipe. */
  readonly id: string;
  /** How a recipe beside the folder's files names it. */
  readonly spec:
    | { readonly train: string; readonly validation: string; readonly test?: string }
    | { readonly files: string };
  /** Bytes of text, about: compressed files are taken for three times their size. */
  readonly textBytes: number;
  readonly format: string;
  /** The column that is most likely the text; null where rows are text themselves. */
  readonly textColumn: string | null;
}

/** How much larger text is than the file that holds it, about. */
const compressed = 3;

/**
 * The sources in a folder, sorted by id: one for each sub-folder with files that a reader takes, or, where there is none, one for
 * each such file.
 *
 * @throws UsageError for a folder that is not there or has no such file, and StageError for a file that cannot be read
 */
export async function sourcesIn(folder: string): Promise<FoundSource[]> {
  const entries = entriesOf(folder).filter(({ name }) => !name.startsWith("."));
  const folders = entries.filter((entry) =>
    entry.isDirectory && hasFiles(join(folder, entry.name))
  );
  const places = folders.length > 0
    ? folders.map(({ name }) => name)
    : entries.filter(({ name, isFile }) => isFile && hasReader(name)).map(({ name }) => name);
  if (places.length === 0) {
    throw new UsageError(
      `Cannot begin in "${folder}": expected a folder for each source, or a file for each, in a format that ` +
        `\`deno task dataset inspect\` reads (jsonl, json, txt, csv, tsv, parquet, arrow), found none`,
    );
  }
  const sources: FoundSource[] = [];
  const taken = new Set<string>();
  for (const place of places.sort()) {
    const id = idOf(place, taken);
    taken.add(id);
    sources.push({ id, ...await sourceAt(folder, place) });
  }
  return sources.sort((a, b) => a.id < b.id ? -1 : 1);
}

function entriesOf(folder: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(folder)];
  } catch (cause) {
    const found = existsSync(folder) ? "something else" : "nothing";
    throw new UsageError(`Cannot begin in "${folder}": expected a folder, found ${found}`, {
      cause,
    });
  }
}

function hasFiles(folder: string): boolean {
  try {
    return listLocalFiles(folder).length > 0;
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  }
}

/** A text in the characters that names in recipes have: lower-case letters, digits, `-` and `_`; empty where none is left. */
export function nameFrom(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9_-]+/g, "-").replace(/^[-_]+|[-_]+$/g, "");
}

/** An id that recipes accept, with a number after it where two would be equal. */
function idOf(place: string, taken: ReadonlySet<string>): string {
  const id = nameFrom(basename(place).split(".")[0]) || "source";
  if (!taken.has(id) && !(id in {})) return id;
  let number = 2;
  while (taken.has(`${id}-${number}`)) number++;
  return `${id}-${number}`;
}

async function sourceAt(folder: string, place: string): Promise<Omit<FoundSource, "id">> {
  const { files } = await datasetInput(join(folder, place), { recipe: "base" });
  const paths = files.map(({ name }) => name);
  const spec = splitsOf(folder, paths) ?? { files: place };
  const first = "train" in spec ? join(folder, spec.train) : paths[0];
  const found = await inspectFile(files.find(({ name }) => name === first)!, false);
  if (found.error !== undefined) throw new StageError(`Cannot read "${first}": ${found.error}`);
  return {
    spec,
    textBytes: paths.reduce((sum, file) => sum + textBytesOf(file), 0),
    format: found.format,
    textColumn: found.textColumn ?? null,
  };
}

/** Files named for their split, if the source's folder has such: paths relative to the folder. */
function splitsOf(folder: string, files: readonly string[]) {
  const of = (split: string) => {
    const named = files.filter((file) => basename(file).split(/[.\-_]/)[0].toLowerCase() === split);
    return named.length === 1 ? relative(folder, named[0]) : undefined;
  };
  const [train, validation, test] = [of("train"), of("validation") ?? of("dev"), of("test")];
  const count = [train, validation, test].filter((file) => file !== undefined).length;
  if (train === undefined || validation === undefined || count < files.length) return undefined;
  return { train, validation, ...(test === undefined ? {} : { test }) };
}

function textBytesOf(file: string): number {
  const { size } = statSync(file);
  return /\.(gz|zst|parquet)$/i.test(file) ? compressed * size : size;
}
