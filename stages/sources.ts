/**
 * The sources of a recipe: as its `sources` say, or the folders of its `data`.
 */
import { UsageError } from "../base/mod.ts";
import { variantNamed } from "../training/mod.ts";
import type { Recipe } from "./recipe.ts";
import type { SourceSpec } from "./recipe_data.ts";

/** Whether a recipe names no text: sizes of the paper, of which only the costs can be computed. */
export function isOnlyCosted(recipe: Recipe): boolean {
  return recipe.costs !== null && recipe.sources === null && recipe.data === null;
}

/** Whether a recipe is that of a leader whose sources are with silos: it has no text either. */
export function isLed({ federation }: Pick<Recipe, "federation">): boolean {
  return federation?.as === null;
}

/** Every source of a recipe, out-of-distribution ones too, sorted by id. @throws UsageError when there is none. */
export function allSources(recipe: Recipe): readonly string[] {
  const { federation } = recipe;
  return (isLed(recipe) ? federation!.sources : Object.keys(sourceSpecs(recipe))).toSorted();
}

/** The sources that are trained on, sorted by id. */
export function sourcesOf(recipe: Recipe): readonly string[] {
  const held = new Set(recipe.outOfDistribution);
  return allSources(recipe).filter((source) => !held.has(source));
}

/** Sources that are parts of the others' text, in the order of their numbers. */
export function partSources(recipe: Recipe): readonly string[] {
  if (isLed(recipe)) return [];
  const numbers = Object.entries(sourceSpecs(recipe))
    .flatMap(([source, spec]) => "part" in spec ? [[source, spec.part] as const] : []);
  return numbers.sort((a, b) => a[1] - b[1]).map(([source]) => source);
}

/** Sources with text of their own: all but parts, sorted by id. */
export function wholeSources(recipe: Recipe): readonly string[] {
  const specs = sourceSpecs(recipe);
  return allSources(recipe).filter((source) => !("part" in specs[source]));
}

/** The sources whose text is that of all that are trained on: parts have that of the sources that are cut. */
export function trainedText(recipe: Recipe): readonly string[] {
  return partSources(recipe).length > 0 ? wholeSources(recipe) : sourcesOf(recipe);
}

/** The sources that some variant of the recipe gives a vocabulary of their own, sorted by id. */
export function sourcesWithOwnVocabulary(recipe: Recipe): readonly string[] {
  const { variants } = recipe.pretrain;
  const isNeeded = variants.some((id) => variantNamed(id).training.vocabulary === "own");
  return isNeeded ? sourcesOf(recipe) : [];
}

/** What the folders of `data` hold, by the recipe: every instance of a source asks for it. */
const specsOfFolders = new WeakMap<Recipe, Readonly<Record<string, SourceSpec>>>();

/** How each source is read: the recipe's own word, or the folders of `data`, which are looked at once. */
export function sourceSpecs(recipe: Recipe): Readonly<Record<string, SourceSpec>> {
  if (recipe.sources !== null) return recipe.sources;
  const known = specsOfFolders.get(recipe) ?? specsFromFolders(recipe);
  specsOfFolders.set(recipe, known);
  return known;
}

function specsFromFolders(recipe: Recipe): Readonly<Record<string, SourceSpec>> {
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
    folders.map((source) => {
      const folder = `${recipe.data}/${source}`;
      const { train, validation, test } = splitFiles(folder, source);
      if (train === undefined || validation === undefined) {
        throw lacksSplit(source, folder, train === undefined ? "train" : "validation");
      }
      return [source, { train, validation, ...(test === undefined ? {} : { test }) }];
    }),
  );
}

/** The same places. @param key Where the recipe names them. @throws UsageError if one is there twice: its rows would count twice */
export function eachFileOnce(places: readonly string[], key: string): readonly string[] {
  const seen = new Set<string>();
  for (const place of places) {
    if (seen.has(place)) {
      throw new UsageError(
        `Cannot read ${key}: expected each file once, found "${place}" twice; ` +
          `it may be named by itself and by a folder, glob or list as well`,
      );
    }
    seen.add(place);
  }
  return places;
}

const splits = ["train", "validation", "test"] as const;
type Split = (typeof splits)[number];

/** The files that a folder of text has for its splits. @param called The folder, as the paths begin. */
export function splitFiles(folder: string, called = folder): Partial<Record<Split, string>> {
  const names = new Set(namesIn(folder));
  return Object.fromEntries(splits.flatMap((split) => {
    const found = fileNames(split).find((name) => names.has(name));
    return found === undefined ? [] : [[split, `${called}/${found}`]];
  }));
}

function lacksSplit(source: string, folder: string, split: Split): UsageError {
  const names = namesIn(folder);
  return new UsageError(
    `Cannot read source "${source}" in "${folder}": expected one of ${
      fileNames(split).join(", ")
    }, ` +
      `found ${names.length === 0 ? "an empty folder" : names.slice(0, 5).join(", ")}`,
  );
}

function fileNames(split: Split): readonly string[] {
  return [`${split}.jsonl`, `${split}.jsonl.gz`, `${split}.txt`];
}

/** Sorted. */
function namesIn(folder: string): readonly string[] {
  return [...readFolder(folder)].map((entry) => entry.name).sort();
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
