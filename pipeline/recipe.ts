/**
 * Recipes: YAML files that extend one another, with overrides from the command line, checked by a schema.
 *
 * The schema comes from the caller; this file knows `extends`, overrides and places.
 */
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { z } from "zod";
import { didYouMean, formatBytes, isFile, RecipeError, UsageError } from "../base/mod.ts";
import {
  isMap,
  mapAlong,
  mergeYaml,
  parseYaml,
  type PlacedYaml,
  valueAt,
  whyNoKey,
  yamlAt,
} from "./placed_yaml.ts";
import { explainIssues } from "./recipe_errors.ts";
import { type PathKey, withAbsolutePaths } from "./recipe_paths.ts";
import { takesText, writtenSchema } from "./recipe_schema.ts";
import type { Study } from "./stage.ts";
import { expandStudy } from "./study.ts";

interface RecipeOptions<Recipe> {
  /** The folder of recipes that are found by name. */
  readonly folder: string;
  readonly schema: z.ZodType<Recipe>;
  /** Overrides, `path.to.key=value`: text as it is typed where the key holds text, else YAML; the last of one path counts. */
  readonly set?: readonly string[];
  /** Keys that hold paths. */
  readonly pathKeys?: readonly PathKey[];
  /** The folder of paths that are typed, absolute; default the working folder. */
  readonly callerFolder?: string;
  /** Checks what a schema cannot express. @throws UsageError, or a RecipeError, which is given the place of its key */
  check?(recipe: Recipe): void;
}

/**
 * Loads a recipe by name or by path.
 *
 * @throws UsageError naming file, line and column (or the `--set`) of everything that the schema refuses.
 */
export async function loadRecipe<Recipe>(
  nameOrPath: string,
  options: RecipeOptions<Recipe>,
): Promise<Recipe> {
  const written = await loadWithOverrides(nameOrPath, options);
  const recipe = parsed(written, written.yaml, options);
  checkPlaced(recipe, written.yaml, options);
  return recipe;
}

/** Loads a recipe and the cells of its study; without a study there is one cell, which has no name. @throws UsageError as `loadRecipe` */
export async function loadStudy<Recipe>(
  nameOrPath: string,
  options: RecipeOptions<Recipe>,
): Promise<Study<Recipe>> {
  const written = await loadWithOverrides(nameOrPath, options);
  return expandStudy(written.yaml, {
    parse: (yaml) => parsed(written, yaml, options),
    checkCell: (recipe, yaml) => checkPlaced(recipe, yaml, options),
  });
}

/** A recipe before its schema has seen it. */
interface Written {
  readonly yaml: PlacedYaml;
  /** The file that extends no other, where it stands as a place. */
  readonly root: string;
}

async function loadWithOverrides(
  nameOrPath: string,
  options: RecipeOptions<unknown>,
): Promise<Written> {
  const { folder, callerFolder = Deno.cwd(), schema, set = [] } = options;
  const file = findRecipe(nameOrPath, folder, callerFolder);
  const { root, yaml } = await loadFile(file, { folder, callerFolder }, []);
  let whole = yaml;
  for (const override of set) {
    whole = mergeYaml(whole, await parseOverride(override, schema, callerFolder));
  }
  return { root, yaml: whole };
}

/** @throws UsageError for what the schema refuses */
function parsed<Recipe>(
  { root }: Written,
  yaml: PlacedYaml,
  { schema, pathKeys = [] }: RecipeOptions<Recipe>,
): Recipe {
  const whole = withAbsolutePaths(yaml, pathKeys);
  const { success, data, error } = schema.safeParse(whole.value);
  if (success) return data;
  const missing = error.issues.filter(({ path: [key, ...inner] }) =>
    typeof key === "string" && inner.length === 0 && valueAt(whole.value, [key]) === undefined
  ).map(({ path }) => String(path[0]));
  throw new UsageError(
    missing.length > 0
      ? `${root}: Cannot read recipe: expected "extends: base" or every key, found no ${
        missing.join(", ")
      }`
      : explainIssues(error.issues, whole, schema).join("\n"),
  );
}

/** Calls the check of the options. What it refuses at a key gets the place where the key, or what holds it, is written. */
function checkPlaced<Recipe>(
  recipe: Recipe,
  yaml: PlacedYaml,
  { check }: RecipeOptions<Recipe>,
): void {
  try {
    check?.(recipe);
  } catch (error) {
    if (!(error instanceof RecipeError)) throw error;
    let path = error.path;
    while (yaml.placesOf(path) === undefined) path = path.slice(0, -1);
    throw new UsageError(`${yaml.placesOf(path)!.value}: ${error.message}`, { cause: error });
  }
}

/** Names of the recipes in a folder, sorted. */
export function recipeNames(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name.endsWith(".yaml")).map((name) => name.slice(0, -".yaml".length)).sort();
}

/** The description of a recipe, read from its own file alone: enough for a list. */
export async function recipeHead(
  nameOrPath: string,
  folder: string,
): Promise<{ readonly description?: string; readonly extends?: string; readonly study: boolean }> {
  const path = findRecipe(nameOrPath, folder, Deno.cwd());
  const { value } = await parseFile(path, displayPath(path, Deno.cwd()));
  const head = isMap(value) ? value : {};
  const said = (key: string) => {
    const value = head[key];
    return typeof value === "string" ? { [key]: value.trim().replace(/\s+/g, " ") } : {};
  };
  return { ...said("description"), ...said("extends"), study: Object.hasOwn(head, "study") };
}

function findRecipe(nameOrPath: string, folder: string, callerFolder: string): string {
  const path = isPath(nameOrPath)
    ? resolve(callerFolder, nameOrPath)
    : join(folder, `${nameOrPath}.yaml`);
  if (isFile(path)) return resolve(path);
  if (isPath(nameOrPath)) {
    throw new UsageError(`Cannot read recipe "${path}": expected a file, found none`);
  }
  const names = recipeNames(folder);
  throw new UsageError(
    `Cannot find recipe "${nameOrPath}"${didYouMean(nameOrPath, names)}: ` +
      `there are ${names.join(", ")}; a path to a file of your own ends in .yaml`,
  );
}

/** Longest file of a recipe: some ten thousand sources, and YAML of it is read in seconds. */
const maxRecipeBytes = 4 << 20;

/** Reads one file. @param shown Its name in messages. @throws UsageError for what is too long, not UTF-8, or no YAML */
async function parseFile(file: string, shown: string): Promise<PlacedYaml> {
  const { size } = Deno.statSync(file);
  if (size > maxRecipeBytes) {
    throw new UsageError(
      `Cannot read recipe "${shown}": expected at most ${formatBytes(maxRecipeBytes)}, ` +
        `found ${formatBytes(size)}; name sources by folders and globs`,
    );
  }
  return await parseYaml(
    utf8Of(Deno.readFileSync(file), shown),
    (line, column) => `${shown}:${line}:${column}`,
    dirname(file),
  );
}

function utf8Of(bytes: Uint8Array, shown: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new UsageError(
      `Cannot read recipe "${shown}": expected text in UTF-8, found another encoding; save it as UTF-8`,
      { cause },
    );
  }
}

/** A file and all that it extends, merged. @param chain Files that led here. */
async function loadFile(
  file: string,
  options: { readonly folder: string; readonly callerFolder: string },
  chain: readonly string[],
): Promise<Written> {
  const shown = displayPath(file, options.callerFolder);
  const { value, placesOf } = await parseFile(file, shown);
  if (!isMap(value)) {
    throw new UsageError(`${placesOf([])!.value}: Cannot read recipe: expected a map of keys`);
  }
  const { extends: name, ...own } = value;
  const yaml = { value: own, placesOf };
  if (name === undefined) return { yaml, root: placesOf([])!.key };
  const fail = (why: string): never => {
    throw new UsageError(`${placesOf(["extends"])!.value}: Cannot extend ${why}`);
  };
  if (typeof name !== "string") return fail("a recipe: expected its name or a path");
  const base = findBase(name, dirname(file), options.folder);
  if (base === undefined) {
    const names = recipeNames(options.folder);
    return fail(`"${name}"${didYouMean(name, names)}: expected a recipe, found no such file`);
  }
  if (base === file || chain.includes(base)) return fail(`"${name}": it extends this file`);
  const below = await loadFile(base, options, [...chain, file]);
  return { ...below, yaml: mergeYaml(below.yaml, yaml) };
}

/** A path is relative to the file that extends; a name is looked for beside that file, then among the shipped recipes. */
function findBase(name: string, from: string, folder: string): string | undefined {
  const candidates = isPath(name)
    ? [resolve(from, name)]
    : [join(from, `${name}.yaml`), join(folder, `${name}.yaml`)];
  return candidates.map((path) => resolve(path)).find(isFile);
}

/** One `path.to.key=value` of the command line. */
async function parseOverride(
  override: string,
  schema: z.ZodType,
  callerFolder: string,
): Promise<PlacedYaml> {
  const [, keys, text] = /^([^=]+)=(.*)$/s.exec(override) ?? [];
  if (keys === undefined) {
    throw new UsageError(
      `Cannot accept --set ${override}: expected path.to.key=value, as in pretrain.rounds=3`,
    );
  }
  const place = `--set ${override}`;
  const path = keys.trim().split(".");
  for (const key of path) {
    const why = whyNoKey(key);
    if (why !== undefined) throw new UsageError(`${place}: Cannot read key "${key}": ${why}`);
  }
  if (takesText(writtenSchema(schema), path, text)) {
    return yamlAt(place, mapAlong(path, text), callerFolder);
  }
  const { Lexer } = await import("yaml");
  if ([...new Lexer().lex(text)].some((token) => token.startsWith("#"))) {
    throw new UsageError(`${place}: Cannot accept a comment: put text with # in quotes`);
  }
  const { value } = await parseYaml(text, () => place, callerFolder);
  return yamlAt(place, mapAlong(path, value), callerFolder);
}

/** As short as it can be and still be opened from a folder. */
function displayPath(path: string, from: string): string {
  const short = relative(from, path);
  return short.startsWith("..") || isAbsolute(short) || short === "" ? path : short;
}

function isPath(nameOrPath: string): boolean {
  return nameOrPath.includes("/") || /\.ya?ml$/.test(nameOrPath);
}
