/**
 * Recipes: YAML files that extend one another, with overrides from the command line, checked by a schema.
 *
 * The schema comes from the caller; this file knows `extends`, overrides and places.
 */
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { z } from "zod";
import { didYouMean, UsageError } from "../base/mod.ts";
import { isMap, mapAlong, mergeYaml, parseYaml, type PlacedYaml, yamlAt } from "./placed_yaml.ts";
import { explainIssues } from "./recipe_errors.ts";
import type { Study } from "./stage.ts";
import { expandStudy } from "./study.ts";

interface RecipeOptions<Recipe> {
  /** The folder of recipes that are found by name. */
  readonly folder: string;
  readonly schema: z.ZodType<Recipe>;
  /** Overrides, `path.to.key=value` with a YAML value; the last of one path counts. */
  readonly set?: readonly string[];
  /** Top-level keys that hold a path: in a file it is relative to that file. */
  readonly pathKeys?: readonly string[];
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
  return checked(await loadWithOverrides(nameOrPath, options), options.schema);
}

/** Loads a recipe and the cells of its study; without a study there is one cell, which has no name. @throws UsageError as `loadRecipe` */
export async function loadStudy<Recipe>(
  nameOrPath: string,
  options: RecipeOptions<Recipe>,
): Promise<Study<Recipe>> {
  const yaml = await loadWithOverrides(nameOrPath, options);
  return expandStudy(yaml, (yaml) => checked(yaml, options.schema));
}

async function loadWithOverrides(
  nameOrPath: string,
  options: Omit<RecipeOptions<unknown>, "schema">,
): Promise<PlacedYaml> {
  let yaml = await loadFile(findRecipe(nameOrPath, options.folder), options, []);
  for (const override of options.set ?? []) {
    yaml = mergeYaml(yaml, await parseOverride(override, options.pathKeys ?? []));
  }
  return yaml;
}

function checked<Recipe>(yaml: PlacedYaml, schema: z.ZodType<Recipe>): Recipe {
  const parsed = schema.safeParse(yaml.value);
  if (parsed.success) return parsed.data;
  throw new UsageError(explainIssues(parsed.error.issues, yaml, schema).join("\n"));
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
  const path = findRecipe(nameOrPath, folder);
  const { value } = await parseYaml(Deno.readTextFileSync(path), () => displayPath(path));
  const head = isMap(value) ? value : {};
  const said = (key: string) => {
    const value = head[key];
    return typeof value === "string" ? { [key]: value.trim().replace(/\s+/g, " ") } : {};
  };
  return { ...said("description"), ...said("extends"), study: Object.hasOwn(head, "study") };
}

function findRecipe(nameOrPath: string, folder: string): string {
  const path = isPath(nameOrPath) ? nameOrPath : join(folder, `${nameOrPath}.yaml`);
  if (isFile(path)) return resolve(path);
  if (isPath(nameOrPath)) {
    throw new UsageError(`Cannot read recipe "${nameOrPath}": expected a file, found none`);
  }
  const names = recipeNames(folder);
  throw new UsageError(
    `Cannot find recipe "${nameOrPath}"${didYouMean(nameOrPath, names)}: ` +
      `there are ${names.join(", ")}; a path to a file of your own ends in .yaml`,
  );
}

/** A file and all that it extends, merged. @param chain Files that led here. */
async function loadFile(
  file: string,
  options: Pick<RecipeOptions<unknown>, "folder" | "pathKeys">,
  chain: readonly string[],
): Promise<PlacedYaml> {
  const shown = displayPath(file);
  const { value, placesOf } = await parseYaml(
    Deno.readTextFileSync(file),
    (line, column) => `${shown}:${line}:${column}`,
  );
  if (!isMap(value)) {
    throw new UsageError(`${placesOf([])!.value}: Cannot read recipe: expected a map of keys`);
  }
  const { extends: name, ...own } = value;
  const paths = (options.pathKeys ?? []).flatMap((key) => {
    const path = own[key];
    return typeof path === "string" ? [[key, displayPath(resolve(dirname(file), path))]] : [];
  });
  const yaml = { value: { ...own, ...Object.fromEntries(paths) }, placesOf };
  if (name === undefined) return yaml;
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
  return mergeYaml(await loadFile(base, options, [...chain, file]), yaml);
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
  pathKeys: readonly string[],
): Promise<PlacedYaml> {
  const [, path, text] = /^([^=]+)=(.*)$/s.exec(override) ?? [];
  if (path === undefined) {
    throw new UsageError(
      `Cannot accept --set ${override}: expected path.to.key=value, as in pretrain.rounds=3`,
    );
  }
  const place = `--set ${override}`;
  // A path is taken as it was typed: in YAML a part of it may be a comment or a map.
  if (pathKeys.includes(path) && !/^(null|~|["'].*|)$/s.test(text)) {
    return yamlAt(place, { [path]: text });
  }
  const { Lexer } = await import("yaml");
  if ([...new Lexer().lex(text)].some((token) => token.startsWith("#"))) {
    throw new UsageError(`${place}: Cannot accept a comment: put text with # in quotes`);
  }
  const { value } = await parseYaml(text, () => place);
  return yamlAt(place, mapAlong(path.trim().split("."), value));
}

/** As short as it can be and still be opened from the working directory. */
function displayPath(path: string): string {
  const short = relative(Deno.cwd(), path);
  return short.startsWith("..") || isAbsolute(short) || short === "" ? path : short;
}

function isPath(nameOrPath: string): boolean {
  return nameOrPath.includes("/") || /\.ya?ml$/.test(nameOrPath);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
